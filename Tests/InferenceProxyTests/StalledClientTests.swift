// SPDX-License-Identifier: Apache-2.0
import InferenceProxy
import Testing

@Suite("Stalled clients of the proxy")
struct StalledClientTests {
    private static let infer = "POST /v2/models/toy/infer HTTP/1.1\r\nHost: 127.0.0.1\r\n"

    /// - Parameter connections: With one, a second client is served only after the connection of the first was closed.
    private func limits(connections: Int = 1) -> RESTServer.Limits {
        var limits = RESTServer.Limits()
        limits.connections = connections
        // Other tests may hold the threads on which a body is read, for seconds.
        (limits.idleTime, limits.bodyTime, limits.refusalTime) = (.seconds(8), .seconds(6), .seconds(2))
        return limits
    }

    /// A request with 16 pictures.
    private func picture() -> String {
        let data = Array(repeating: "1", count: 18 * 16).joined(separator: ",")
        return #"{"inputs":[{"name":"pixels.0","shape":[16,2,3,3],"datatype":"UINT8","data":[\#(data)]}]}"#
    }

    @Test("The maximum number of idle connections does not exclude another client")
    func idle() async throws {
        try await RunningProxy.with(FakeBackend(), limits: limits(connections: 2)) { proxy in
            let idle = try [RawConnection(port: proxy.port), RawConnection(port: proxy.port)]
            #expect(try await proxy.send("GET", "/v2/health/live").status == 200)
            for connection in idle { #expect(await connection.untilEnd() == "") }
        }
    }

    @Test("An incomplete body gets a 408, and its capacity is free for the next request")
    func stalledBody() async throws {
        let budget = RequestBudget(maximumRequests: 1)
        var limits = limits(connections: 9)
        (limits.idleTime, limits.refusalTime) = (.seconds(600), .seconds(600))
        try await RunningProxy.with(FakeBackend(), budget: budget, limits: limits) { proxy in
            let stalled = try RawConnection(port: proxy.port)
            stalled.send(Self.infer + "Content-Length: 1000\r\n\r\n{")
            let answer = try #require(await stalled.untilEnd())
            #expect(answer.hasPrefix("HTTP/1.1 408 ") && answer.contains("did not arrive within"), "\(answer)")
            #expect(try await proxy.infer("toy", picture()).status == 200)
        }
    }

    @Test("Neither a slow body nor a body after its refusal keeps a connection open")
    func slowBodies() async throws {
        // The second is refused for its length at once.
        for length in [1000, 1 << 40] {
            try await RunningProxy.with(FakeBackend(), limits: limits()) { proxy in
                let slow = try RawConnection(port: proxy.port)
                slow.send(Self.infer + "Content-Length: \(length)\r\n\r\n")
                let sending = Task {
                    while !Task.isCancelled {
                        slow.send(" ")
                        try? await Task.sleep(for: .milliseconds(100))
                    }
                }
                defer { sending.cancel() }
                #expect(try await proxy.send("GET", "/v2/health/live").status == 200)
            }
        }
    }

    @Test("A client that does not read its answer is disconnected")
    func unreadAnswer() async throws {
        // An answer of 16 MiB, which no socket's buffer holds.
        let label = String(repeating: "frog", count: 1 << 18)
        // If other tests hold the threads on which a body is read, the time may end before there is an answer.
        for seconds in [6, 60, 600] {
            let backend = FakeBackend(label: label)
            var limits = limits()
            limits.bodyTime = .seconds(seconds)
            try await RunningProxy.with(backend, limits: limits) { proxy in
                let deaf = try RawConnection(port: proxy.port, receiveBytes: 4096)
                let body = picture()
                deaf.send(Self.infer + "Content-Length: \(body.utf8.count)\r\n\r\n" + body)
                #expect(try await proxy.send("GET", "/v2/health/live").status == 200)
                withExtendedLifetime(deaf) {}
            }
            if backend.inputs.count == 16 { return }
        }
        Issue.record("no request was read")
    }
}
