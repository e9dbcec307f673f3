// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Foundation
import Glibc
import InfenclaveClient
import SealedChannel
import Tensors
import TestSupport
import Testing

@Suite("The client's HTTP transport")
struct TransportTests {
    private func client(_ url: String, _ deployment: Deployment) throws -> InfenclaveClient {
        try InfenclaveClient(
            server: url, policy: try Policy(json: try bytes(of: deployment.policy)), development: .dangerouslyAccept)
    }

    private func failure(_ url: String, _ deployment: Deployment) async throws -> ClientError? {
        let client = try client(url, deployment)
        do {
            _ = try await client.attest()
            return nil
        } catch let error as ClientError { return error }
    }

    private func failure(answer: String, _ deployment: Deployment) async throws -> ClientError? {
        let server = try CannedServer(Array(answer.utf8))
        // It listens as long as it lives.
        defer { withExtendedLifetime(server) {} }
        return try await failure(server.url, deployment)
    }

    @Test("Waiting for an answer takes almost no processor time")
    func idleWait() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let silent = try SilentServer()
        let program = try Program(["attest"] + deployment.target(silent.url), in: folder)
        try program.wait(until: "request") { silent.requests > 0 }
        let before = try Program.processorMilliseconds(of: program.identifier)
        sleep(2)
        #expect(program.isRunning)
        #expect(try Program.processorMilliseconds(of: program.identifier) - before <= 100)
    }

    @Test("Cancelling a task cancels its request", .timeLimit(.minutes(60)))
    func cancellation() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let silent = try SilentServer()
        let client = try client(silent.url, deployment)
        let waiting = Task { try await client.attest() }
        while silent.requests == 0 { try await Task.sleep(for: .milliseconds(5)) }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { _ = try await waiting.value }
    }

    @Test("Headers of interim responses and trailers are not headers of the answer")
    func otherHeaders() async throws {
        let (line, other) = ("TCB-Info-Issuer-Chain: x\r\n", "Content-Type: text/plain\r\n")
        func answer(interim: String, head: String, trailer: String) -> String {
            "HTTP/1.1 103 Early Hints\r\n\(interim)\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\(head)\r\n"
                + "1\r\nx\r\n0\r\n\(trailer)\r\n"
        }
        let evidence = try IntelFixture.tdx().evidence(over: [UInt8](repeating: 0, count: 64))
        let platform = try #require(IntelPlatform(evidence: evidence, pckChain: nil))
        func failure(_ answer: String) async throws -> String {
            let server = try CannedServer(Array(answer.utf8))
            defer { withExtendedLifetime(server) {} }
            let cache = try CollateralCache(url: server.url)
            do {
                _ = try await cache.collateral(for: platform)
                return ""
            } catch let error as ClientError { return error.message }
        }
        let missing = "sent no header 'tcb-info-issuer-chain'"
        #expect(try await failure(answer(interim: line, head: other, trailer: other)).contains(missing))
        #expect(try await failure(answer(interim: other, head: other, trailer: line)).contains(missing))
        let disguised = answer(interim: other, head: other, trailer: "HTTP/1.1: x\r\n" + line)
        #expect(try await failure(disguised).contains(missing))
        // The next header that is missing is another one.
        let found = try await failure(answer(interim: other, head: line, trailer: "HTTP/1.1: x\r\n"))
        #expect(found.contains("sent no header 'sgx-enclave-identity-issuer-chain'"), "\(found)")
    }

    @Test("Heads that are endless, truncated or not HTTP give different errors")
    func hostileHeads() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        func failure(_ answer: String) async throws -> ClientError? {
            try await self.failure(answer: answer, deployment)
        }
        let line = "X-Filler: " + String(repeating: "x", count: 60_000) + "\r\n"
        let long = try await failure("HTTP/1.1 200 OK\r\n" + String(repeating: line, count: 6) + "\r\n")
        #expect(long?.code == .invalidResponse)
        #expect(long?.message == "the answer is over 262144 bytes")
        let nonsense = [
            "SSH-2.0-OpenSSH_9.2\r\n", "{}", "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 200_000) + "\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nno gzip",
        ]
        for answer in nonsense {
            let error = try await failure(answer)
            #expect(error?.code == .invalidResponse, "\(answer.prefix(40)): \(error?.message ?? "")")
        }
        for answer in ["", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n", "HTTP/1.1 200 OK\r\nContent-Len"] {
            #expect(try await failure(answer)?.code == .unreachable, "\(answer.prefix(40))")
        }
    }

    @Test("Loopback servers are reached directly, whatever proxies the environment names")
    func loopbackProxies() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let server = try Server(provisioned: deployment)
        let program = try Program(
            ["attest"] + deployment.target(server.url), in: folder,
            environment: ["http_proxy": "http://127.0.0.1:9", "all_proxy": "http://127.0.0.1:9"])
        let outcome = try program.wait()
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    @Test("If the environment's proxy is unreachable, the error names the proxy instead of the server")
    func absentProxy() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        func errors(_ environment: [String: String]) throws -> String {
            try Program(
                ["attest"] + deployment.target("http://infenclave.invalid:80"), in: folder, environment: environment
            ).wait().errors
        }
        let absent = try errors(["http_proxy": "http://user:word@127.0.0.1:9"])
        let expected = "made to the proxy http://127.0.0.1:9, which the variable http_proxy names"
        #expect(absent.contains(expected), "\(absent)")
        #expect(absent.contains("start that proxy, or list the server in the variable no_proxy"))
        #expect(!absent.contains("infenclave serve") && !absent.contains("word"))
        let unnamed = try errors(["http_proxy": "http://127.0.0.1:9", "no_proxy": "example.org, .invalid"])
        #expect(unnamed.contains("the host name is unknown") && unnamed.contains("infenclave serve"), "\(unnamed)")
    }

    @Test(
        "The proxy for an address is the same as libcurl's",
        arguments: [
            ("http://a.example", ["http_proxy": "p:1", "all_proxy": "q:1"], "http_proxy p:1"),
            ("https://a.example/x", ["http_proxy": "p:1", "ALL_PROXY": "q:1"], "ALL_PROXY q:1"),
            ("https://a.example", ["HTTPS_PROXY": "socks5://u:p@q:1"], "HTTPS_PROXY socks5://q:1"),
            ("http://a.example", ["HTTP_PROXY": "p:1"], nil), ("http://a.example", ["http_proxy": ""], nil),
            ("http://a.example", [:], nil), ("http://a.example", ["http_proxy": "p:1", "no_proxy": "*"], nil),
            ("http://a.example", ["http_proxy": "p:1", "no_proxy": "x, example"], nil),
            ("http://a.example", ["http_proxy": "p:1", "NO_PROXY": "A.example"], nil),
            ("http://aexample", ["http_proxy": "p:1", "no_proxy": "example"], "http_proxy p:1"),
            ("http://[fd00::1]:9", ["http_proxy": "p:1", "no_proxy": "fd00::1"], nil),
            // Ranges in CIDR notation are not evaluated.
            ("http://10.0.0.1", ["http_proxy": "p:1", "no_proxy": "192.168.0.0/16"], nil),
        ] as [(String, [String: String], String?)])
    func environmentProxies(_ url: String, _ environment: [String: String], _ expected: String?) {
        let found = EnvironmentProxy(for: url, in: environment)
        #expect(found.map { "\($0.variable) \($0.address)" } == expected)
    }

    @Test("IPv6 addresses keep their brackets")
    func addressesOfIPv6() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let error = try await failure("http://[::1]:9", deployment)
        #expect(error?.code == .unreachable)
        #expect(
            error?.message == "http://[::1]:9 cannot be reached: no connection could be made", "\(error?.message ?? "")"
        )
    }
}
