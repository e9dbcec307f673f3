// SPDX-License-Identifier: Apache-2.0
import Foundation
import HostServer
import Synchronization
import Testing

/// A client on a separate thread that sends one request after another and reads no answer, until it is cut off.
private final class UnreadingClient: Sendable {
    private let connection: Connection
    private let isOver = Mutex(false)

    /// - Parameter request: Long enough that one read of 256 KiB has no more requests than the server accepts ahead.
    init(port: Int, _ request: String) throws {
        connection = try Connection(port: port, receiveBytes: 4096)
        Thread.detachNewThread { [self] in
            while connection.send(request) {}
            isOver.withLock { $0 = true }
        }
    }

    var isCutOff: Bool { isOver.withLock { $0 } }
}

@Suite("Clients that do not read their answers")
struct UnreadAnswerTests {
    private static let keys =
        "GET /ohttp-keys HTTP/1.1\r\nHost: x\r\nX-Filler: \(String(repeating: "x", count: 12_000))\r\n\r\n"
    private static let provisioning =
        "POST /provision HTTP/1.1\r\nHost: x\r\nContent-Length: 15000\r\n\r\n\(String(repeating: "x", count: 15_000))"

    private static func wait(_ isSo: () throws -> Bool, or comment: Comment) throws {
        let end = ContinuousClock.now + .seconds(3600)
        while try !isSo() {
            try #require(.now < end, comment)
            usleep(20_000)
        }
    }

    @Test("A client that sends requests and reads no answer is disconnected in time, and its place is freed")
    func deadline() async throws {
        var limits = ServerLimits()
        limits.clock.unread = .milliseconds(700)
        try await ServedHost.serving(limits) { ports in
            let clients = try (0..<3).map { _ in try UnreadingClient(port: ports.port, Self.keys) }
            try Self.wait({ clients.allSatisfy(\.isCutOff) }, or: "they are cut off")
            try Self.wait({ try ServedHost.metric("connections", ports) == 0 }, or: "their places are free")
            #expect(try ServedHost.metric("connections_unread_total", ports) == 3)
            #expect(try ServedHost.metric("connections_stalled", ports) == 0)
            #expect(try ServedHost.ask("GET /health/live", port: ports.port).hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("A client that does not read is evicted for a new connection")
    func eviction() async throws {
        var limits = ServerLimits()
        (limits.connections, limits.connectionsPerAddress) = (2, 2)
        limits.clock.unread = .seconds(600)
        try await ServedHost.serving(limits) { ports in
            let clients = try (0..<2).map { _ in try UnreadingClient(port: ports.port, Self.keys) }
            try Self.wait({ try ServedHost.metric("connections_stalled", ports) == 2 }, or: "both are stalled")
            #expect(clients.allSatisfy { !$0.isCutOff })
            var newcomers: [Connection] = []
            for _ in 0..<2 {
                let newcomer = try Connection(port: ports.port)
                newcomers.append(newcomer)
                newcomer.send("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(newcomer.head().hasPrefix("HTTP/1.1 200"))
            }
            try Self.wait({ clients.allSatisfy(\.isCutOff) }, or: "both are cut off")
            #expect(try ServedHost.metric("connections_turned_away_total", ports) == 0)
            // Without a reference the connection would be closed and free its place.
            withExtendedLifetime(newcomers) {}
        }
    }

    @Test("The body of a client that does not read its answer is released")
    func memory() async throws {
        var limits = ServerLimits()
        (limits.provisioningBytes, limits.provisioningMemory) = (16_000, 16_000)
        limits.clock.unread = .seconds(600)
        try await ServedHost.serving(limits) { ports in
            let client = try UnreadingClient(port: ports.port, Self.provisioning)
            try Self.wait({ try ServedHost.metric("connections_stalled", ports) == 1 }, or: "it is stalled")
            try Self.wait({ try ServedHost.metric("body_bytes", ports) == 0 }, or: "its body is gone")
            let owner = try ServedHost.ask(
                "POST /provision", "Content-Length: 15000\r\n\r\n\(String(repeating: "x", count: 14_998))",
                port: ports.port)
            #expect(owner.hasPrefix("HTTP/1.1 503") && owner.contains("enclaveUnavailable"), "\(owner)")
            #expect(!client.isCutOff)
        }
    }

    @Test("A client that reads slowly gets all its answers")
    func slowReader() async throws {
        var limits = ServerLimits()
        limits.clock.unread = .seconds(600)
        try await ServedHost.serving(limits) { ports in
            let connection = try Connection(port: ports.port, receiveBytes: 32_768)
            let count = 2_000
            Thread.detachNewThread {
                for _ in 0..<count - 1 { guard connection.send(Self.keys) else { return } }
                connection.send("GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            }
            try Self.wait({ try ServedHost.metric("connections_stalled", ports) == 1 }, or: "it is stalled")
            let answers = connection.rest()
            #expect(answers.components(separatedBy: "HTTP/1.1 503").count - 1 == count - 1)
            #expect(answers.components(separatedBy: "HTTP/1.1 200").count - 1 == 1)
        }
    }
}
