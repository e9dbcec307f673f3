// SPDX-License-Identifier: Apache-2.0
import Foundation
import SealedChannel
import TestSupport
import Testing

@Suite("Traces that a server sends")
struct TraceTests {
    private func spans(_ collector: TestEngine) throws -> [[String: Any]] {
        try collector.requests.flatMap { request -> [[String: Any]] in
            let object = try JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]
            return (object?["resourceSpans"] as? [[String: Any]] ?? [])
                .flatMap { $0["scopeSpans"] as? [[String: Any]] ?? [] }
                .flatMap { $0["spans"] as? [[String: Any]] ?? [] }
        }
    }

    @Test("Each request has a trace of its stages from host to BackNet, with identifiers that no client influences")
    func served() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let collector = try TestEngine { _ in .answer(200, [:], Array("{}".utf8)) }
        let server = try Server(provisioned: deployment, options: ["--otlp", "http://127.0.0.1:\(collector.port)"])
        _ = try deployment.classify(server.url, Demo.clients.map(\.0))
        // A message that the enclave refuses, from a client that wants its own trace continued.
        let refused = try HTTPAnswer.to(
            "POST", "/ohttp", type: ObliviousRequest.mediaType, body: [1, 2, 3], port: server.port,
            headers: "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
                + "infenclave-request-id: forged\r\n")
        #expect(refused.status >= 400)
        #expect(try server.stop().status == 0)
        let spans = try spans(collector)
        let roots = spans.filter { $0["parentSpanId"] == nil }
        #expect(roots.count == 4 && Set(roots.compactMap { $0["traceId"] as? String }).count == 4)
        for root in roots.prefix(3) {
            let parts = spans.filter { $0["traceId"] as? String == root["traceId"] as? String }
            let names = parts.compactMap { $0["name"] as? String }
            #expect(names == ["request", "admission", "enclave", "queue", "backnet", "enclave"])
        }
        // Nothing of a request but times and codes: no size, and no word of the client's.
        let text = collector.requests.map { String(decoding: $0.body, as: UTF8.self) }.joined()
        #expect(!text.contains("0af7651916cd43dd8448eb211c80319c") && !text.contains("forged"))
        let keys = Set(text.matches(of: /"key":"([^"]+)"/).map { String($0.output.1) })
        #expect(
            keys == [
                "service.name", "service.version", "infenclave.request", "infenclave.model",
                "http.response.status_code", "infenclave.code",
            ])
        let identifier = try #require(
            refused.head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("infenclave-request-id: ") }?
                .split(separator: " ").last)
        #expect(text.contains(String(identifier)))
        withExtendedLifetime(collector) {}
    }

    @Test("A collector that accepts connections and never answers delays neither requests nor the server's end")
    func silent() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let collector = try TestEngine { _ in .silence }
        let server = try Server(provisioned: deployment, options: ["--otlp", "http://127.0.0.1:\(collector.port)"])
        for _ in 0..<3 { _ = try deployment.classify(server.url, [Demo.clients[0].0]) }
        #expect(try server.metric("answers_total") == 3)
        #expect(try server.stop().status == 0)
        withExtendedLifetime(collector) {}
    }
}
