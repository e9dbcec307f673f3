// SPDX-License-Identifier: Apache-2.0
import HostServer
import Testing

@Suite("Cross-origin requests")
struct OriginTests {
    private static let page = "https://clinic.example"
    private static let local = "http://127.0.0.1:8000"
    private static let sealed = "Content-Type: message/ohttp-req\r\n"

    /// The value of a header; `nil` where the answer has none.
    private static func header(_ name: String, _ answer: String) -> String? {
        for line in answer.split(separator: "\r\n", omittingEmptySubsequences: false).prefix(while: { !$0.isEmpty }) {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == name else { continue }
            return String(parts[1].drop { $0 == " " })
        }
        return nil
    }

    private static func ask(_ line: String, from origin: String, _ rest: String = "", port: Int) throws -> String {
        try ServedHost.ask(line, "Origin: \(origin)\r\n\(rest)", port: port)
    }

    @Test("A page of an allowed origin may read every answer, including all refusals")
    func readable() async throws {
        var limits = ServerLimits()
        limits.requestBytes = 1000
        limits.clock.head = .seconds(1)
        limits.clock.body = .seconds(1)
        try await ServedHost.serving(limits, origins: [Self.local, Self.page]) { ports in
            for (line, rest, status) in [
                ("GET /health/live", "", "200"),
                ("GET /health/ready", "", "503"),
                ("GET /.well-known/infenclave/evidence?nonce=1", "", "400"),
                ("GET /nowhere", "", "404"),
                ("POST /ohttp", "Content-Length: 0\r\n", "415"),
                ("POST /ohttp", Self.sealed + "Content-Length: 1001\r\n", "413"),
                ("POST /ohttp", Self.sealed + "Expect: more\r\nContent-Length: 3\r\n", "417"),
                ("POST /ohttp", Self.sealed + "Content-Length: 3\r\n", "408"),
            ] {
                for origin in [Self.page, Self.local] {
                    let answer = try Self.ask(line, from: origin, rest, port: ports.port)
                    #expect(answer.hasPrefix("HTTP/1.1 \(status)"), "\(line): \(answer)")
                    #expect(Self.header("access-control-allow-origin", answer) == origin, "\(line): \(answer)")
                    #expect(Self.header("vary", answer) == "origin", "\(line)")
                    #expect(Self.header("access-control-expose-headers", answer)?.contains("infenclave-error") == true)
                    #expect(Self.header("access-control-allow-credentials", answer) == nil)
                }
            }
        }
    }

    @Test("Answers to another origin, and to clients without one, have no header that permits reading")
    func unreadable() async throws {
        try await ServedHost.serving(origins: [Self.page]) { ports in
            for origin in [
                "https://clinic.example:8443", "http://clinic.example", "https://clinic.example.evil.example", "null",
                "https://CLINIC.example", "*",
            ] {
                let answer = try Self.ask("GET /health/live", from: origin, port: ports.port)
                #expect(answer.hasPrefix("HTTP/1.1 200"))
                #expect(Self.header("access-control-allow-origin", answer) == nil, "\(origin)")
                #expect(Self.header("vary", answer) == "origin")
                let preflight = try Self.ask(
                    "OPTIONS /ohttp", from: origin, "Access-Control-Request-Method: POST\r\n", port: ports.port)
                #expect(preflight.hasPrefix("HTTP/1.1 404"))
            }
            let plain = try ServedHost.ask("GET /health/live", port: ports.port)
            #expect(Self.header("access-control-allow-origin", plain) == nil)
            let admin = try Self.ask("GET /health/live", from: Self.page, port: try #require(ports.adminPort))
            #expect(Self.header("access-control-allow-origin", admin) == nil)
        }
    }

    @Test("Without --allow-origin answers have no CORS header, and OPTIONS is not allowed")
    func off() async throws {
        try await ServedHost.serving { ports in
            let answer = try Self.ask("GET /health/live", from: Self.page, port: ports.port)
            #expect(Self.header("access-control-allow-origin", answer) == nil && Self.header("vary", answer) == nil)
            let preflight = try Self.ask(
                "OPTIONS /ohttp", from: Self.page, "Access-Control-Request-Method: POST\r\n", port: ports.port)
            #expect(preflight.hasPrefix("HTTP/1.1 404"))
        }
    }

    @Test("A preflight is accepted for sealed requests, evidence and health, but not for provisioning")
    func preflight() async throws {
        try await ServedHost.serving(origins: [Self.page]) { ports in
            func preflight(_ path: String, _ method: String) throws -> String {
                try Self.ask(
                    "OPTIONS \(path)", from: Self.page, "Access-Control-Request-Method: \(method)\r\n", port: ports.port
                )
            }
            for (path, method) in [
                ("/ohttp", "POST"), ("/models/model/ohttp", "POST"), ("/ohttp-keys", "GET"),
                ("/.well-known/infenclave/evidence?nonce=00", "GET"), ("/health/ready", "GET"),
            ] {
                let answer = try preflight(path, method)
                #expect(answer.hasPrefix("HTTP/1.1 204"), "\(path): \(answer)")
                #expect(Self.header("access-control-allow-origin", answer) == Self.page)
                #expect(Self.header("access-control-allow-methods", answer) == method)
                #expect(Self.header("access-control-allow-headers", answer) == "content-type, infenclave-route")
                #expect(Self.header("access-control-max-age", answer) == "600")
            }
            for (path, method) in [
                ("/provision", "POST"), ("/ohttp", "GET"), ("/ohttp", "DELETE"), ("/models/other/ohttp", "POST"),
                ("/metrics", "GET"), ("/ohttp", "no method"),
            ] {
                #expect(try preflight(path, method).hasPrefix("HTTP/1.1 404"), "\(method) \(path)")
            }
            let unasked = try Self.ask("OPTIONS /ohttp", from: Self.page, port: ports.port)
            #expect(unasked.hasPrefix("HTTP/1.1 404"))
        }
    }

    @Test(
        "Only values that browsers send are accepted as an origin",
        arguments: [
            "*", "null", "", "https://", "https://host/", "https://host/path", "host", "https://Host", "ftp://host",
            "https://host:443", "http://host:80", "https://host:0", "https://host:65536", "https://host:",
            "https://a b",
            "https://user@host", "https://[::1", "https://[host]", "https://*.example.org", "https://host:08443",
        ])
    func noOrigin(_ text: String) {
        let error = #expect(throws: HostServerError.self) {
            try AllowedOrigins(parsing: ["https://fine.example", text])
        }
        #expect(error?.message.contains("'\(text)'") == true)
    }

    @Test(
        "An origin may have another port, and an IP address as host",
        arguments: [
            "https://host", "http://host:443", "https://host:8443", "http://127.0.0.1:1", "http://[::1]:8000",
            "https://[2001:db8::1]", "https://xn--bcher-kva.example",
        ])
    func origin(_ text: String) throws { _ = try AllowedOrigins(parsing: [text]) }
}
