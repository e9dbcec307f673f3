// SPDX-License-Identifier: Apache-2.0
import Foundation
import HostCore
import Synchronization
import TestSupport
import Testing
import TraceExport

@Suite("Traces of requests")
struct TraceExportTests {
    private struct Span {
        let name, trace, identifier, parent: String
        let begin, end: UInt64
        let attributes: [String: String]

        init(_ json: [String: Any]) throws {
            func text(_ name: String) throws -> String { try #require(json[name] as? String) }
            (name, trace, identifier) = (try text("name"), try text("traceId"), try text("spanId"))
            parent = json["parentSpanId"] as? String ?? ""
            begin = try #require(UInt64(try text("startTimeUnixNano")))
            end = try #require(UInt64(try text("endTimeUnixNano")))
            var attributes: [String: String] = [:]
            for attribute in json["attributes"] as? [[String: Any]] ?? [] {
                let value = try #require((attribute["value"] as? [String: String])?.values.first)
                attributes[try #require(attribute["key"] as? String)] = value
            }
            self.attributes = attributes
        }
    }

    private static func spans(_ body: [UInt8]) throws -> [Span] {
        let object = try #require(try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
        let resources = try #require(object["resourceSpans"] as? [[String: Any]])
        return try resources.flatMap { $0["scopeSpans"] as? [[String: Any]] ?? [] }
            .flatMap { $0["spans"] as? [[String: Any]] ?? [] }.map(Span.init)
    }

    private static func metric(_ name: String, _ exporter: TraceExporter) -> Int? {
        exporter.metricsText.text.split(separator: "\n").first { $0.hasPrefix("infenclave_\(name) ") }?
            .split(separator: " ").last.flatMap { Int($0) }
    }

    private func exporter(_ collector: TestEngine, log: @escaping @Sendable (LogLine) -> Void = { _ in }) throws
        -> TraceExporter
    {
        let endpoint = try #require(TraceEndpoint("http://127.0.0.1:\(collector.port)/collector/"))
        // Other tests may hold the threads that its task runs on.
        return TraceExporter(to: endpoint, version: "0 \"\\\u{1}", timeout: .seconds(600), log: log)
    }

    private func wait(_ condition: () -> Bool) async throws {
        // Other tests may hold the threads that the exporter's task runs on.
        let end = ContinuousClock.now + .seconds(3600)
        while !condition() {
            try #require(ContinuousClock.now < end)
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test("A collector gets each request with its stages as child spans, including spans pending at the server's end")
    func export() async throws {
        let collector = try TestEngine { _ in .answer(200, ["Content-Type": "application/json"], Array("{}".utf8)) }
        let exporter = try exporter(collector)
        exporter.start()
        let start = ContinuousClock.now
        var parents: Set<String> = []
        for number in 0..<3 {
            let trace = RequestTrace(at: start)
            parents.insert(trace.traceParent)
            trace.add(.admission, from: start, to: start + .milliseconds(1))
            trace.add(.enclave, from: start + .milliseconds(1), to: start + .milliseconds(4))
            trace.add(
                BackNetRun(outputs: [], queued: .milliseconds(2), computed: .milliseconds(3)),
                endingAt: start + .milliseconds(9))
            exporter.take(
                trace, request: "r\(number)", model: "a\"b", status: number == 2 ? 503 : 200,
                code: number == 2 ? "overloaded" : nil, took: .milliseconds(10))
        }
        await exporter.stop()
        #expect(collector.requests.allSatisfy { $0.method == "POST" && $0.path == "/collector/v1/traces" })
        #expect(collector.requests.allSatisfy { $0.headers["content-type"] == "application/json" })
        let spans = try collector.requests.flatMap { try Self.spans($0.body) }
        #expect(spans.count == 15 && Set(spans.map(\.trace)).count == 3)
        #expect(Set(spans.map { $0.trace + $0.identifier }).count == 15)
        let roots = spans.filter { $0.parent.isEmpty }
        #expect(roots.map(\.name) == ["request", "request", "request"])
        #expect(Set(roots.map { $0.attributes["infenclave.request"] }) == ["r0", "r1", "r2"])
        #expect(roots.allSatisfy { $0.attributes["infenclave.model"] == "a\"b" })
        #expect(roots.compactMap { $0.attributes["infenclave.code"] } == ["overloaded"])
        for root in roots {
            #expect(root.trace.count == 32 && root.identifier.count == 16 && root.end - root.begin == 10_000_000)
            let parts = spans.filter { $0.trace == root.trace && !$0.parent.isEmpty }
            #expect(parts.allSatisfy { $0.parent == root.identifier })
            let times = parts.map { [$0.begin - root.begin, $0.end - root.begin].map { $0 / 1_000_000 } }
            // The engine gets the identifier of the span in which it computes.
            #expect(parents.contains("00-\(root.trace)-\(parts[3].identifier)-01"))
            #expect(parts.map(\.name) == ["admission", "enclave", "queue", "backnet"])
            #expect(times == [[0, 1], [1, 4], [4, 6], [6, 9]])
            // The current time, to an hour.
            #expect(abs(Double(root.begin) / 1e9 - Date().timeIntervalSince1970) < 3600)
        }
        #expect(Self.metric("traces_exported_total", exporter) == 3)
        withExtendedLifetime(collector) {}
    }

    @Test(
        "Without a collector requests do not wait; lost spans are counted and logged once, and so is its return")
    func lost() async throws {
        let collector = try TestEngine { _ in .answer(500, [:], []) }
        let lines = Mutex<[LogLine]>([])
        let exporter = try exporter(collector) { line in lines.withLock { $0.append(line) } }
        exporter.start()
        func take(_ count: Int) {
            for _ in 0..<count {
                exporter.take(RequestTrace(at: .now), request: "", model: "m", status: 200, code: nil, took: .zero)
            }
        }
        // More traces than the queue holds, so most are dropped: adding one never waits.
        take(20_000)
        try await wait { Self.metric("trace_batches_lost_total", exporter) ?? 0 >= 2 }
        #expect(Self.metric("traces_dropped_total", exporter) ?? 0 >= 10_000)
        #expect(Self.metric("traces_waiting", exporter) ?? .max <= 4096)
        #expect(lines.withLock { $0.filter { $0.level == .warning }.count } == 1)
        collector.behave { _ in .answer(200, [:], []) }
        take(1)
        try await wait { Self.metric("traces_exported_total", exporter) ?? 0 >= 1 }
        try await wait { lines.withLock { $0.contains { $0.message.contains("again") } } }
        await exporter.stop()
        #expect(Self.metric("traces_waiting", exporter) == 0)
        let exported = try #require(Self.metric("traces_exported_total", exporter))
        let dropped = try #require(Self.metric("traces_dropped_total", exporter))
        #expect(exported + dropped == 20_001)
        withExtendedLifetime(collector) {}
    }

    @Test(
        "A collector address is accepted only in its documented form",
        arguments: [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318"), ("http://collector", "http://collector:4318"),
            ("http://[::1]:1/a/b/", "http://[::1]:1/a/b"), ("http://[::1]", "http://[::1]:4318"),
            ("https://a:1", nil), ("http://", nil), ("http://a:0", nil), ("http://a:65536", nil), ("http://a:x", nil),
            ("http://u@a", nil), ("http://a?b", nil), ("http://a/b c", nil), ("http://[::1", nil),
            ("http://a\r\nb", nil),
        ] as [(String, String?)])
    func endpoints(text: String, expected: String?) { #expect(TraceEndpoint(text)?.description == expected) }
}
