// SPDX-License-Identifier: Apache-2.0
import HostCore
import HostServer
import Testing

@Suite("Requests beyond the capacity", .enabled(if: PooledEnclaves.isPossible))
struct TurnedAwayTests {
    private static let head = "POST /ohttp HTTP/1.1\r\nHost: x\r\nContent-Type: message/ohttp-req\r\n"
    private static let bodyBytes = 150_000
    private static let body = String(repeating: "x", count: bodyBytes)

    /// Serves a model whose only place is taken.
    private func full(
        _ limits: ServerLimits = ServerLimits(), _ body: @escaping @Sendable (HostServer.Ports) throws -> Void
    ) async throws {
        let pool = try PooledEnclaves.pool(1, maximumWaiting: 1)
        try await pool.begin()
        try await pool.provision()
        try pool.admit(to: pool.members[0])
        let model = ServedModel(name: "model", pool: pool, log: { _ in })
        try await ServedHost.serving(limits, model: model, body)
        await model.stop()
    }

    private static func length(_ head: String) -> Int {
        head.lowercased().firstMatch(of: /content-length: ([0-9]+)/).flatMap { Int($0.output.1) } ?? 0
    }

    @Test(
        "Excess requests get 503 and Retry-After, their connections stay open, and their bodies use no memory"
    )
    func refusal() async throws {
        var limits = ServerLimits()
        // Other tests may keep this one waiting.
        limits.clock.body = .seconds(600)
        try await full(limits) { ports in
            let connection = try Connection(port: ports.port)
            for _ in 0..<3 {
                connection.send(Self.head + "Content-Length: \(Self.bodyBytes)\r\n\r\n" + Self.body.dropFirst(10))
                #expect(try ServedHost.metric("body_bytes", ports) == 0)
                connection.send("0123456789")
                let answer = connection.answer(bodyBytes: Self.length)
                #expect(answer.hasPrefix("HTTP/1.1 503") && answer.contains(#""code":"overloaded""#), "\(answer)")
                let headers = answer.lowercased()
                for field in [
                    "retry-after: 1", "infenclave-error: overloaded", "infenclave-route: ", "infenclave-request-id: ",
                ] {
                    #expect(headers.contains(field), "\(field) in \(answer)")
                }
                #expect(!headers.contains("connection: close"))
            }
            connection.send("GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(connection.rest().hasPrefix("HTTP/1.1 200"))
            #expect(try ServedHost.metric("refusals_total{code=\"overloaded\"}", ports) == 3)
            #expect(try ServedHost.metric("http_answers_total{endpoint=\"ohttp\",status=\"503\"}", ports) == 3)
        }
    }

    @Test(
        "A client that expects 100-continue is refused at once, and a body over the limit by its length")
    func beforeTheBody() async throws {
        try await full { ports in
            let asking = try Connection(port: ports.port)
            asking.send(Self.head + "Content-Length: \(Self.bodyBytes)\r\nExpect: 100-continue\r\n\r\n")
            let refusal = asking.rest()
            #expect(refusal.hasPrefix("HTTP/1.1 503") && refusal.contains("overloaded"), "\(refusal)")
            let limit = ServerLimits().requestBytes
            let long = try Connection(port: ports.port)
            long.send(Self.head + "Transfer-Encoding: chunked\r\n\r\n")
            let megabyte = String(repeating: "x", count: 1 << 20)
            for _ in 0..<limit >> 20 { long.send("100000\r\n\(megabyte)\r\n") }
            long.send("1\r\nx\r\n")
            #expect(long.rest().hasPrefix("HTTP/1.1 413"))
        }
    }

    @Test("A slow body is refused after the same time as one within the capacity")
    func slow() async throws {
        var limits = ServerLimits()
        limits.clock.body = .milliseconds(300)
        try await full(limits) { ports in
            let connection = try Connection(port: ports.port)
            connection.send(Self.head + "Content-Length: 10\r\n\r\nx")
            #expect(connection.rest().hasPrefix("HTTP/1.1 408"))
        }
    }
}
