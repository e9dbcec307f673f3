// SPDX-License-Identifier: Apache-2.0
import Foundation
import HostCore
import Testing

@Suite("Metrics")
struct MetricsTests {
    @Test("A histogram counts each duration in its bucket, and the last bucket counts all of them")
    func histogram() {
        var histogram = Histogram()
        for milliseconds in [0.1, 0.5, 0.6, 4, 99, 101, 60_000, -3] { histogram.add(.seconds(milliseconds / 1000)) }
        let counts = Dictionary(uniqueKeysWithValues: histogram.cumulative.map { ($0.bound, $0.count) })
        #expect(counts["0.0005"] == 3 && counts["0.001"] == 4 && counts["0.005"] == 5)
        #expect(counts["0.1"] == 6 && counts["0.25"] == 7 && counts["10"] == 7 && counts["+Inf"] == 8)
        #expect(histogram.count == 8)
        #expect(abs(histogram.sum - 60.2052) < 1e-9)
    }

    @Test("Values of two models for one metric are listed together, under one help and type")
    func families() {
        var text = MetricsText()
        for model in ["a", "b"] {
            var own = MetricsText(labels: [("model", model)])
            own.add("x_total", .counter, "Help.", 1)
            own.add("y", .gauge, "Other.", [([("z", "1")], 2)])
            text.add(own)
        }
        #expect(
            text.text.split(separator: "\n") == [
                "# HELP infenclave_x_total Help.", "# TYPE infenclave_x_total counter",
                "infenclave_x_total{model=\"a\"} 1", "infenclave_x_total{model=\"b\"} 1", "# HELP infenclave_y Other.",
                "# TYPE infenclave_y gauge", "infenclave_y{model=\"a\",z=\"1\"} 2",
                "infenclave_y{model=\"b\",z=\"1\"} 2",
            ])
    }

    @Test("A label value cannot inject a line")
    func labels() {
        var text = MetricsText()
        text.add("x", .gauge, "Help.", [([("name", "a\"b\\c\nd")], 0.25)])
        #expect(
            text.text
                == "# HELP infenclave_x Help.\n# TYPE infenclave_x gauge\ninfenclave_x{name=\"a\\\"b\\\\c\\nd\"} 0.25\n"
        )
        // A manifest's title may hold any text.
        var forged = MetricsText()
        forged.add("x", .gauge, "Help.", [([("name", "a\r\nb\u{301} 1")], 1)])
        #expect(forged.text.utf8.count { $0 == 10 } == 3 && forged.text.contains("a\r\\nb\u{301} 1\"} 1\n"))
    }
}
