// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import Testing

@Suite("Number formats")
struct FormatTests {
    @Test(
        "Decimals are rounded with carry, and padded",
        arguments: [
            (0.0, "0.00"), (0.996, "1.00"), (0.0314, "0.031"), (-0.0004, "0.000"), (-1.005, "-1.00"), (12.345, "12.35"),
            (.infinity, "not finite"),
        ])
    func number(value: Double, text: String) { #expect(Format.number(value) == text) }

    @Test(
        "Shares, bytes and counts are formatted",
        arguments: [
            (Format.percent(0.5), "50 %"), (Format.percent(0.0123), "1.2 %"), (Format.bytes(1023), "1023 bytes"),
            (Format.bytes(1024), "1.0 KiB"), (Format.bytes(774_400), "756.3 KiB"),
            (Format.bytes(12_345_678), "11.8 MiB"),
            (Format.count(1_235_496), "1.2 M"),
            (Format.count(349_152_000), "349 M"), (Format.count(3_870_000_000), "3.87 G"),
        ])
    func others(found: String, text: String) { #expect(found == text) }
}
