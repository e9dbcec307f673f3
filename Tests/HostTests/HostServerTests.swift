// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import HostCore
import HostServer
import Testing

@Suite("The HTTP server")
struct HostServerTests {
    @Test("While the enclave starts, the server is live but not ready, and refuses with 503 and a code")
    func withoutEnclave() async throws {
        try await ServedHost.serving { ports in
            let admin = try #require(ports.adminPort)
            func ask(_ line: String, _ rest: String = "") throws -> String {
                try ServedHost.ask(line, rest, port: ports.port)
            }
            #expect(try ask("GET /health/live").hasPrefix("HTTP/1.1 200"))
            let ready = try ask("GET /health/ready")
            #expect(ready.hasPrefix("HTTP/1.1 503") && ready.hasSuffix("\r\n\r\n"))
            let state = try ServedHost.ask("GET /health/ready", port: admin)
            #expect(
                state.hasPrefix("HTTP/1.1 503")
                    && state.hasSuffix(#"{"reason":"the enclave starts","state":"starting"}"#))
            #expect(try ServedHost.ask("GET /health/live", port: admin).hasPrefix("HTTP/1.1 200"))
            let evidence = try ask("GET /.well-known/infenclave/evidence?nonce=\(String(repeating: "0a", count: 32))")
            #expect(evidence.hasPrefix("HTTP/1.1 503") && evidence.contains("enclaveUnavailable"))
            let keys = try ask("GET /ohttp-keys")
            #expect(keys.hasPrefix("HTTP/1.1 503") && keys.contains("enclaveUnavailable"))
            let answer = try ask("POST /ohttp", "Content-Type: message/ohttp-req\r\nContent-Length: 0\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 503") && answer.contains("enclaveUnavailable"))
            let nonce = try ask("GET /.well-known/infenclave/evidence?nonce=0g")
            #expect(nonce.hasPrefix("HTTP/1.1 400") && nonce.contains("\"malformed\""))
            #expect(try ServedHost.metric("refusals_total{code=\"enclaveUnavailable\"}", ports) == 1)
            let metrics = try ServedHost.ask("GET /metrics", port: admin).components(separatedBy: "\r\n\r\n")[1]
            for line in metrics.split(separator: "\n") where !line.hasPrefix("# ") {
                let fields = line.split(separator: " ")
                #expect(line.hasPrefix("infenclave_") && fields.count == 2 && Double(fields[1]) != nil, "\(line)")
            }
        }
    }

    @Test("Each path has one spelling, and operators' paths exist only on their listener")
    func paths() async throws {
        try await ServedHost.serving { ports in
            let admin = try #require(ports.adminPort)
            for path in [
                "/", "//metrics", "/metrics", "/metrics/", "/health", "/health/live/", "//health/live", "/health//live",
                "/health/%6cive", "/health/../health/live", "/HEALTH/LIVE", "http://x//health/live", "/health/live;x",
            ] {
                let answer = try ServedHost.ask("GET \(path)", port: ports.port)
                #expect(answer.hasPrefix("HTTP/1.1 404") && answer.hasSuffix("\r\n\r\n"), "\(path): \(answer)")
            }
            for path in ["//metrics", "/metrics/", "/%6detrics", "/ohttp-keys", "/.well-known/infenclave/evidence"] {
                #expect(try ServedHost.ask("GET \(path)", port: admin).hasPrefix("HTTP/1.1 404"), "\(path)")
            }
            for line in ["POST /health/live", "GET /ohttp", "GET /provision", "DELETE /ohttp"] {
                #expect(try ServedHost.ask(line, port: ports.port).hasPrefix("HTTP/1.1 404"), "\(line)")
            }
            #expect(try ServedHost.ask("POST /ohttp", "Content-Length: 0\r\n", port: admin).hasPrefix("HTTP/1.1 404"))
        }
    }

    @Test("A body over the limit is refused at its headers, a chunked one at the limit, and no more is read")
    func tooLarge() async throws {
        var limits = ServerLimits()
        limits.requestBytes = 1000
        limits.clock.closing = .milliseconds(300)
        try await ServedHost.serving(limits) { ports in
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
            expectRefused(try ServedHost.ask("GET /health/live", "Content-Length: 1\r\n", port: ports.port), 413)
            expectRefused(try ServedHost.ask("POST /other", "Content-Length: 1\r\n", port: ports.port), 404)
            expectRefused(try ServedHost.ask("POST /ohttp", "Content-Length: 9\r\n", port: ports.port), 415)
            let whole = try ServedHost.ask(
                "POST /ohttp", "\(type)Content-Length: 1000\r\n\r\n\(String(repeating: "x", count: 998))",
                port: ports.port)
            #expect(whole.hasPrefix("HTTP/1.1 503") && whole.contains("enclaveUnavailable"), "\(whole)")
            #expect(try ServedHost.metric("http_refusals_total{status=\"413\"}", ports) == 3)
            #expect(try ServedHost.metric("http_refusals_total{status=\"415\"}", ports) == 1)
            // A client that goes on sending is cut off.
            let stubborn = try Connection(port: ports.port)
            stubborn.send("POST /ohttp HTTP/1.1\r\nHost: x\r\n\(type)Content-Length: 99999999\r\n\r\n")
            let megabyte = String(repeating: "x", count: 1 << 20)
            var sent = 0
            while sent < 64, stubborn.send(megabyte) { sent += 1 }
            #expect(sent < 64)
        }
    }

    @Test("Protocol upgrades and endless chunk extensions end the connection")
    func undecoded() async throws {
        try await ServedHost.serving { ports in
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
            #expect(try ServedHost.ask("GET /health/live", port: ports.port).hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("Slow headers and bodies are answered 408 in time, and silent connections are closed")
    func deadlines() async throws {
        var limits = ServerLimits()
        limits.clock.head = .milliseconds(300)
        limits.clock.body = .milliseconds(500)
        try await ServedHost.serving(limits) { ports in
            // Sends slowly until the server disconnects it, which never happens if single bytes extend the deadline.
            func drip(_ opening: String) throws -> (String, Duration) {
                let connection = try Connection(port: ports.port)
                let start = ContinuousClock.now
                connection.send(opening)
                Thread.detachNewThread {
                    repeat { usleep(50_000) } while connection.send("x")
                }
                return (connection.rest(), .now - start)
            }
            let head = try drip("GET /health/live HTTP/1.1\r\n")
            #expect(head.0.hasPrefix("HTTP/1.1 408") && head.0.lowercased().contains("connection: close"), "\(head)")
            let body = try drip("POST /provision HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
            #expect(body.0.hasPrefix("HTTP/1.1 408") && body.0.contains("\"timeout\""), "\(body)")
            #expect(body.1 > .milliseconds(450))
            #expect(try ServedHost.metric("http_refusals_total{status=\"408\"}", ports) == 2)
            #expect(try ServedHost.metric("body_bytes", ports) == 0)
        }
        // Tested separately, because a busy machine may answer late.
        limits.clock.idle = .milliseconds(900)
        try await ServedHost.serving(limits) { ports in
            let silent = try Connection(port: ports.port)
            #expect(silent.isClosed)
        }
    }

    @Test("Without memory for bodies requests get 503 and Retry-After, and the memory is freed again")
    func memory() async throws {
        var limits = ServerLimits()
        (limits.requestBytes, limits.requestMemory) = (1000, 2000)
        // Other tests may keep this one waiting.
        (limits.receptionGrace, limits.clock.body) = (.seconds(600), .seconds(600))
        try await ServedHost.serving(limits) { ports in
            let start =
                "POST /ohttp HTTP/1.1\r\nHost: x\r\nContent-Type: message/ohttp-req\r\nContent-Length: 1000\r\n\r\n"
            var connections: [Connection] = []
            for _ in 0..<2 {
                let connection = try Connection(port: ports.port)
                connection.send(start + String(repeating: "x", count: 999))
                connections.append(connection)
            }
            while try ServedHost.metric("body_bytes", ports) != 1998 { usleep(5_000) }
            let third = try Connection(port: ports.port)
            third.send(start + String(repeating: "x", count: 500))
            let refused = third.rest()
            #expect(refused.hasPrefix("HTTP/1.1 503") && refused.contains("\"overloaded\""), "\(refused)")
            #expect(refused.lowercased().contains("retry-after: 2"))
            #expect(try ServedHost.metric("refusals_total{code=\"overloaded\"}", ports) == 1)
            connections = []
            while try ServedHost.metric("body_bytes", ports) != 0 { usleep(5_000) }
        }
    }

    @Test("Idle connections are evicted for new ones, even of the same address, and active ones are kept")
    func connections() async throws {
        var limits = ServerLimits()
        (limits.connections, limits.connectionsPerAddress, limits.clock.idle) = (16, 8, .seconds(600))
        try await ServedHost.serving(limits) { ports in
            let live = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
            var idle: [Connection] = []
            for _ in 0..<7 { idle.append(try Connection(port: ports.port)) }
            // Several threads accept: these are there before the others.
            let end = ContinuousClock.now + .seconds(600)
            while try ServedHost.metric("connections", ports) != 7 {
                try #require(ContinuousClock.now < end, "there are not 7 connections")
                usleep(5_000)
            }
            let client = try Connection(port: ports.port)
            for _ in 0..<7 {
                client.send(live)
                #expect(client.head().hasPrefix("HTTP/1.1 200"))
                idle.append(try Connection(port: ports.port))
            }
            client.send(live)
            #expect(client.head().hasPrefix("HTTP/1.1 200"))
            for connection in idle.prefix(7) { #expect(connection.isClosed) }
            #expect(try ServedHost.metric("connections_evicted_total", ports) == 7)
            #expect(try ServedHost.metric("connections_turned_away_total", ports) == 0)
            #expect(try ServedHost.metric("connections", ports) == 8)
        }
    }

    @Test("Pipelined requests are answered in order")
    func pipelining() async throws {
        try await ServedHost.serving { ports in
            let connection = try Connection(port: ports.port)
            let live = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
            let post = "POST /provision HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
            connection.send(live + post + live + "GET /no HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            let statuses = connection.rest().components(separatedBy: "HTTP/1.1 ").dropFirst().map { $0.prefix(3) }
            #expect(statuses == ["200", "503", "200", "404"])
            // Many more than a real client sends: some are answered, and the connection ends.
            let flood = try Connection(port: ports.port)
            flood.send(String(repeating: live, count: 2000))
            let answers = flood.rest().components(separatedBy: "HTTP/1.1 200").count - 1
            #expect(answers > 0 && answers < 2000)
        }
    }

    @Test("The error for an address in use names its option, for either listener")
    func taken() async throws {
        try await ServedHost.serving { ports in
            let taken = ListeningAddress(hostname: "127.0.0.1", port: ports.port)
            let free = ListeningAddress(hostname: "127.0.0.1", port: 0)
            for (address, admin, option) in [(taken, free, "--listen"), (free, taken, "--admin-listen")] {
                let server = HostServer(
                    models: try ModelRegistry([try ScriptedEnclave("exit 0").model()]),
                    address: address, admin: admin, limits: ServerLimits(),
                    log: OperatorLog(format: .text, level: .error))
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
