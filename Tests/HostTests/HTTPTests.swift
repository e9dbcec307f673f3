// SPDX-License-Identifier: Apache-2.0
import HostServer
import Testing

@Suite("HTTP compatibility")
struct HTTPTests {
    private static let sealed = "POST /ohttp HTTP/1.1\r\nHost: x\r\nContent-Type: message/ohttp-req\r\n"

    @Test("A client that expects 100-continue gets it before its body, or a refusal instead")
    func expectation() async throws {
        try await ServedHost.serving { ports in
            let connection = try Connection(port: ports.port)
            connection.send(Self.sealed + "Content-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
            #expect(connection.head() == "HTTP/1.1 100 Continue\r\n\r\n")
            connection.send("abc")
            #expect(connection.rest().hasPrefix("HTTP/1.1 503"))
            let refused = try Connection(port: ports.port)
            refused.send(Self.sealed + "Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n")
            #expect(refused.rest().hasPrefix("HTTP/1.1 413"))
            let unknown = try Connection(port: ports.port)
            unknown.send(Self.sealed + "Content-Length: 3\r\nExpect: more\r\n\r\n")
            #expect(unknown.rest().hasPrefix("HTTP/1.1 417"))
        }
    }

    @Test("Endless headers are answered 431, and anything but HTTP 400; both end the connection")
    func malformed() async throws {
        try await ServedHost.serving { ports in
            for head in ["GET /health/live HTTP/1.1\r\nx: ", "GET /health/live HTTP/1.1\r\n", "GET /"] {
                let connection = try Connection(port: ports.port)
                connection.send(head)
                var sent = 0
                let filler =
                    head.hasSuffix("\n")
                    ? String(repeating: "x: y\r\n", count: 100) : String(repeating: "x", count: 1000)
                while sent < 1000, connection.send(filler) { sent += 1 }
                let answer = connection.rest()
                #expect(answer.hasPrefix("HTTP/1.1 431"), "\(head.prefix(9)): \(answer)")
                #expect(answer.lowercased().contains("connection: close"))
            }
            for text in ["hello\r\n\r\n", "GET / HTTP/7.9\r\n\r\n", "GET /health/live HTTP/1.1\r\nx\r\n\r\n"] {
                let connection = try Connection(port: ports.port)
                connection.send(text)
                let answer = connection.rest()
                #expect(answer.hasPrefix("HTTP/1.1 400"), "\(text): \(answer)")
                #expect(answer.lowercased().contains("connection: close"))
            }
            #expect(try ServedHost.metric("http_refusals_total{status=\"431\"}", ports) == 3)
            #expect(try ServedHost.metric("http_refusals_total{status=\"400\"}", ports) == 3)
        }
    }

    @Test("For an HTTP/1.0 client the connection is closed after the answer")
    func oldVersion() async throws {
        try await ServedHost.serving { ports in
            for header in ["", "Connection: keep-alive\r\n"] {
                let connection = try Connection(port: ports.port)
                connection.send("GET /health/live HTTP/1.0\r\n\(header)\r\n")
                let answer = connection.rest()
                #expect(answer.hasPrefix("HTTP/1.1 200") && answer.lowercased().contains("connection: close"))
            }
            let shouting = try Connection(port: ports.port)
            shouting.send("GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: Close, TE\r\n\r\n")
            #expect(shouting.rest().hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("HEAD is answered like GET, without the body")
    func head() async throws {
        try await ServedHost.serving { ports in
            let admin = try #require(ports.adminPort)
            for (path, port) in [("/health/live", ports.port), ("/metrics", admin), ("/health/ready", admin)] {
                let get = try ServedHost.ask("GET \(path)", port: port)
                let head = try ServedHost.ask("HEAD \(path)", port: port)
                #expect(head.hasSuffix("\r\n\r\n") && head.prefix(12) == get.prefix(12), "\(head)")
                #expect(head.lowercased().contains("content-length: "))
            }
            // After it the connection goes on.
            let connection = try Connection(port: ports.port)
            for _ in 0..<2 {
                connection.send("HEAD /ohttp-keys HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(connection.head().hasPrefix("HTTP/1.1 503"))
            }
            #expect(try ServedHost.ask("HEAD /provision", port: ports.port).hasPrefix("HTTP/1.1 404"))
        }
    }
}
