import Foundation
import Glibc
import HostServer
import Logging
import Testing

/// A blocking connection to a port of 127.0.0.1.
private final class Connection: Sendable {
    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        try #require(isConnected)
        // A server that does not answer must not hold the test; other tests may hold the threads that it answers on.
        var timeout = timeval(tv_sec: 120, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    @discardableResult
    func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }

    /// Everything to the end of the connection.
    func rest() -> String {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return String(decoding: received, as: UTF8.self) }
            received += buffer.prefix(count)
        }
    }

    /// One answer without a body.
    func head() -> String {
        var received: [UInt8] = []
        var byte: UInt8 = 0
        while !received.suffix(4).elementsEqual([13, 10, 13, 10]), recv(descriptor, &byte, 1, 0) == 1 {
            received.append(byte)
        }
        return String(decoding: received, as: UTF8.self)
    }

    /// Whether the other end closes it.
    var isClosed: Bool {
        // The end of a stream leaves errno as it was.
        errno = 0
        return head().isEmpty && errno != EAGAIN
    }
}

@Suite("The HTTP server")
struct HostServerTests {
    /// Runs a server without an enclave while `body` asks it.
    private func serving(
        _ limits: ServerLimits = ServerLimits(), _ body: @escaping @Sendable (HostServer.Ports) throws -> Void
    ) async throws {
        let any = ListeningAddress(hostname: "127.0.0.1", port: 0)
        let server = HostServer(
            host: try ScriptedEnclave("exit 0").host, address: any, admin: any, limits: limits,
            logger: Logger(label: "test"))
        let (ports, continuation) = AsyncStream.makeStream(of: HostServer.Ports.self)
        let running = Task { try await server.run { continuation.yield($0) } }
        for await ports in ports {
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                // Blocking sockets have a thread of their own.
                Thread.detachNewThread { done.resume(with: Result { try body(ports) }) }
            }
            break
        }
        running.cancel()
        _ = await running.result
    }

    private static func ask(_ line: String, _ rest: String = "", port: Int) throws -> String {
        let connection = try Connection(port: port)
        connection.send("\(line) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(rest)\r\n")
        return connection.rest()
    }

    private static func metric(_ name: String, _ ports: HostServer.Ports) throws -> Double? {
        let text = try ask("GET /metrics", port: try #require(ports.adminPort))
        return text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("infenclave_\(name) ") }?
            .split(separator: " ").last.flatMap { Double($0) }
    }

    @Test("While the enclave starts it lives, is not ready, and refuses with 503 and a code")
    func withoutEnclave() async throws {
        try await serving { ports in
            let admin = try #require(ports.adminPort)
            func ask(_ line: String, _ rest: String = "") throws -> String {
                try Self.ask(line, rest, port: ports.port)
            }
            #expect(try ask("GET /health/live").hasPrefix("HTTP/1.1 200"))
            let ready = try ask("GET /health/ready")
            #expect(ready.hasPrefix("HTTP/1.1 503") && ready.hasSuffix("\r\n\r\n"))
            let state = try Self.ask("GET /health/ready", port: admin)
            #expect(state.hasPrefix("HTTP/1.1 503") && state.hasSuffix(#"{"state":"starting"}"#))
            #expect(try Self.ask("GET /health/live", port: admin).hasPrefix("HTTP/1.1 200"))
            let evidence = try ask("GET /.well-known/infenclave/evidence?nonce=\(String(repeating: "0a", count: 32))")
            #expect(evidence.hasPrefix("HTTP/1.1 503") && evidence.contains("enclaveUnavailable"))
            let keys = try ask("GET /ohttp-keys")
            #expect(keys.hasPrefix("HTTP/1.1 503") && keys.contains("enclaveUnavailable"))
            let answer = try ask("POST /ohttp", "Content-Type: message/ohttp-req\r\nContent-Length: 0\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 503") && answer.contains("enclaveUnavailable"))
            let nonce = try ask("GET /.well-known/infenclave/evidence?nonce=0g")
            #expect(nonce.hasPrefix("HTTP/1.1 400") && nonce.contains("\"malformed\""))
            #expect(try Self.metric("refusals_total{code=\"enclaveUnavailable\"}", ports) == 1)
            let metrics = try Self.ask("GET /metrics", port: admin).components(separatedBy: "\r\n\r\n")[1]
            for line in metrics.split(separator: "\n") where !line.hasPrefix("# ") {
                let fields = line.split(separator: " ")
                #expect(line.hasPrefix("infenclave_") && fields.count == 2 && Double(fields[1]) != nil, "\(line)")
            }
        }
    }

    @Test("Paths have one spelling, and what is for operators is on their listener only")
    func paths() async throws {
        try await serving { ports in
            let admin = try #require(ports.adminPort)
            for path in [
                "/", "//metrics", "/metrics", "/metrics/", "/health", "/health/live/", "//health/live", "/health//live",
                "/health/%6cive", "/health/../health/live", "/HEALTH/LIVE", "http://x//health/live", "/health/live;x",
            ] {
                let answer = try Self.ask("GET \(path)", port: ports.port)
                #expect(answer.hasPrefix("HTTP/1.1 404") && answer.hasSuffix("\r\n\r\n"), "\(path): \(answer)")
            }
            for path in ["//metrics", "/metrics/", "/%6detrics", "/ohttp-keys", "/.well-known/infenclave/evidence"] {
                #expect(try Self.ask("GET \(path)", port: admin).hasPrefix("HTTP/1.1 404"), "\(path)")
            }
            for line in ["POST /health/live", "GET /ohttp", "GET /provision", "DELETE /ohttp"] {
                #expect(try Self.ask(line, port: ports.port).hasPrefix("HTTP/1.1 404"), "\(line)")
            }
            #expect(try Self.ask("POST /ohttp", "Content-Length: 0\r\n", port: admin).hasPrefix("HTTP/1.1 404"))
        }
    }

    @Test("A body over the limit is refused at its headers, a chunked one at the limit, and nothing more is read")
    func tooLarge() async throws {
        var limits = ServerLimits()
        limits.requestBytes = 1000
        limits.clock.closing = .milliseconds(300)
        try await serving(limits) { ports in
            func expectRefused(_ answer: String, _ status: Int) {
                #expect(answer.hasPrefix("HTTP/1.1 \(status)"), "\(answer)")
                #expect(answer.lowercased().contains("connection: close"), "\(answer)")
            }
            let type = "Content-Type: message/ohttp-req\r\n"
            let connection = try Connection(port: ports.port)
            connection.send("POST /ohttp HTTP/1.1\r\nHost: x\r\n\(type)Content-Length: 1001\r\n\r\n")
            expectRefused(connection.rest(), 413)
            let chunked = try Connection(port: ports.port)
            chunked.send("POST /ohttp HTTP/1.1\r\nHost: x\r\n\(type)Transfer-Encoding: chunked\r\n\r\n")
            chunked.send("3e8\r\n\(String(repeating: "x", count: 1000))\r\n")
            chunked.send("1\r\nx\r\n")
            expectRefused(chunked.rest(), 413)
            expectRefused(try Self.ask("GET /health/live", "Content-Length: 1\r\n", port: ports.port), 413)
            expectRefused(try Self.ask("POST /other", "Content-Length: 1\r\n", port: ports.port), 404)
            expectRefused(try Self.ask("POST /ohttp", "Content-Length: 9\r\n", port: ports.port), 415)
            let whole = try Self.ask(
                "POST /ohttp", "\(type)Content-Length: 1000\r\n\r\n\(String(repeating: "x", count: 998))",
                port: ports.port)
            #expect(whole.hasPrefix("HTTP/1.1 503") && whole.contains("enclaveUnavailable"), "\(whole)")
            #expect(try Self.metric("http_refusals_total{status=\"413\"}", ports) == 3)
            #expect(try Self.metric("http_refusals_total{status=\"415\"}", ports) == 1)
            // A client that goes on sending is cut off.
            let stubborn = try Connection(port: ports.port)
            stubborn.send("POST /ohttp HTTP/1.1\r\nHost: x\r\n\(type)Content-Length: 99999999\r\n\r\n")
            let megabyte = String(repeating: "x", count: 1 << 20)
            var sent = 0
            while sent < 64, stubborn.send(megabyte) { sent += 1 }
            #expect(sent < 64)
        }
    }

    @Test("What follows a request for another protocol, and endless extensions of chunks, end the connection")
    func undecoded() async throws {
        try await serving { ports in
            for start in [
                "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
                "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
                "POST /provision HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;",
            ] {
                let connection = try Connection(port: ports.port)
                connection.send(start)
                let megabyte = String(repeating: "x", count: 1 << 20)
                var sent = 0
                while sent < 64, connection.send(megabyte) { sent += 1 }
                #expect(sent < 64, "\(start)")
            }
            #expect(try Self.ask("GET /health/live", port: ports.port).hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("Headers and bodies that drip are answered 408 in time, and silent connections are closed")
    func deadlines() async throws {
        var limits = ServerLimits()
        limits.clock.idle = .milliseconds(900)
        limits.clock.head = .milliseconds(300)
        limits.clock.body = .milliseconds(500)
        try await serving(limits) { ports in
            func drip(_ connection: Connection, _ text: String) -> (String, Duration) {
                let start = ContinuousClock.now
                Thread.detachNewThread {
                    for _ in 0..<240 {
                        usleep(50_000)
                        guard connection.send(text) else { return }
                    }
                }
                return (connection.rest(), .now - start)
            }
            let slowHead = try Connection(port: ports.port)
            slowHead.send("GET /health/live HTTP/1.1\r\n")
            let head = drip(slowHead, "x")
            #expect(head.0.hasPrefix("HTTP/1.1 408") && head.0.lowercased().contains("connection: close"), "\(head)")
            #expect(head.1 < .seconds(6))
            let slowBody = try Connection(port: ports.port)
            slowBody.send("POST /provision HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
            let body = drip(slowBody, "x")
            #expect(body.0.hasPrefix("HTTP/1.1 408") && body.0.contains("\"timeout\""), "\(body)")
            #expect(body.1 > .milliseconds(450) && body.1 < .seconds(6))
            let silent = try Connection(port: ports.port)
            let start = ContinuousClock.now
            #expect(silent.isClosed)
            #expect(.now - start < .seconds(10))
            #expect(try Self.metric("http_refusals_total{status=\"408\"}", ports) == 2)
            #expect(try Self.metric("body_bytes", ports) == 0)
        }
    }

    @Test("Without memory for bodies they are refused with 503 and Retry-After, and the memory comes back")
    func memory() async throws {
        var limits = ServerLimits()
        (limits.requestBytes, limits.requestMemory) = (1000, 2000)
        // Other tests may keep this one waiting.
        (limits.receptionGrace, limits.clock.body) = (.seconds(600), .seconds(600))
        try await serving(limits) { ports in
            let start =
                "POST /ohttp HTTP/1.1\r\nHost: x\r\nContent-Type: message/ohttp-req\r\nContent-Length: 1000\r\n\r\n"
            var connections: [Connection] = []
            for _ in 0..<2 {
                let connection = try Connection(port: ports.port)
                connection.send(start + String(repeating: "x", count: 999))
                connections.append(connection)
            }
            while try Self.metric("body_bytes", ports) != 1998 { usleep(5_000) }
            let third = try Connection(port: ports.port)
            third.send(start + String(repeating: "x", count: 500))
            let refused = third.rest()
            #expect(refused.hasPrefix("HTTP/1.1 503") && refused.contains("\"overloaded\""), "\(refused)")
            #expect(refused.lowercased().contains("retry-after: 2"))
            #expect(try Self.metric("refusals_total{code=\"overloaded\"}", ports) == 1)
            connections = []
            while try Self.metric("body_bytes", ports) != 0 { usleep(5_000) }
        }
    }

    @Test("Idle connections give way to new ones, of one address too, and served ones outlive them")
    func connections() async throws {
        var limits = ServerLimits()
        (limits.connections, limits.connectionsPerAddress, limits.clock.idle) = (16, 8, .seconds(600))
        try await serving(limits) { ports in
            let live = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
            var idle: [Connection] = []
            for _ in 0..<7 { idle.append(try Connection(port: ports.port)) }
            let client = try Connection(port: ports.port)
            for _ in 0..<7 {
                client.send(live)
                #expect(client.head().hasPrefix("HTTP/1.1 200"))
                idle.append(try Connection(port: ports.port))
            }
            client.send(live)
            #expect(client.head().hasPrefix("HTTP/1.1 200"))
            for connection in idle.prefix(7) { #expect(connection.isClosed) }
            #expect(try Self.metric("connections_evicted_total", ports) == 7)
            #expect(try Self.metric("connections_turned_away_total", ports) == 0)
            #expect(try Self.metric("connections", ports) == 8)
        }
    }

    @Test("Requests that come together are answered one after the other")
    func pipelining() async throws {
        try await serving { ports in
            let connection = try Connection(port: ports.port)
            let live = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
            let post = "POST /provision HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
            connection.send(live + post + live + "GET /no HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            let statuses = connection.rest().components(separatedBy: "HTTP/1.1 ").dropFirst().map { $0.prefix(3) }
            #expect(statuses == ["200", "503", "200", "404"])
            // Far more than anybody sends: some are answered, and the connection ends.
            let flood = try Connection(port: ports.port)
            flood.send(String(repeating: live, count: 2000))
            let answers = flood.rest().components(separatedBy: "HTTP/1.1 200").count - 1
            #expect(answers > 0 && answers < 2000)
        }
    }

    @Test("An address that is taken fails with its option, whichever listener it is for")
    func taken() async throws {
        try await serving { ports in
            let taken = ListeningAddress(hostname: "127.0.0.1", port: ports.port)
            let free = ListeningAddress(hostname: "127.0.0.1", port: 0)
            for (address, admin, option) in [(taken, free, "--listen"), (free, taken, "--admin-listen")] {
                let server = HostServer(
                    host: try ScriptedEnclave("exit 0").host, address: address, admin: admin, limits: ServerLimits(),
                    logger: Logger(label: "test"))
                let done = DispatchSemaphore(value: 0)
                nonisolated(unsafe) var failure: HostServerError?
                Task {
                    do { try await server.run { _ in } } catch { failure = error as? HostServerError }
                    done.signal()
                }
                done.wait()
                #expect(failure?.message.contains("127.0.0.1:\(ports.port)") == true)
                #expect(failure?.remedy.contains("another \(option) address") == true)
            }
        }
    }
}
