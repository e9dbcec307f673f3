// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

@Suite("The proxy on the client's machine")
struct ProxyTests {
    /// A proxy that listens.
    private struct RunningProxy {
        let program: Program
        let port: Int

        init(_ deployment: Deployment, _ servers: [String], options: [String] = []) throws {
            let program = try Program(
                ["proxy", "--policy", deployment.policy, "--token", deployment.token, "--tee", "development"]
                    + servers.flatMap { ["--server", $0] } + ["--listen", "127.0.0.1:0"] + options,
                in: deployment.folder)
            var port = 0
            try program.wait(until: "address") {
                guard program.isRunning else { throw Unexpected("proxy ended: \(program.errors)") }
                port =
                    program.errors.firstMatch(of: /Protocol at http:\/\/127\.0\.0\.1:([0-9]+)/)
                    .flatMap { Int($0.output.1) } ?? 0
                return port > 0
            }
            (self.program, self.port) = (program, port)
        }

        func ready() throws -> HTTPAnswer { try HTTPAnswer.to("GET", "/v2/health/ready", port: port) }

        func waitUntilReady() throws {
            try program.wait(until: "ready proxy") { try ready().status == 200 }
        }

        func classify(_ picture: String) throws -> HTTPAnswer {
            try HTTPAnswer.to(
                "POST", "/v2/models/classifier_image/infer", type: "image/png", body: try bytes(of: picture),
                port: port)
        }

        /// The most probable class, or the error.
        func best(_ picture: String) throws -> String {
            let answer = try classify(picture)
            guard answer.status == 200 else { return answer.json?["error"] as? String ?? "status \(answer.status)" }
            let outputs = answer.json?["outputs"] as? [[String: Any]] ?? []
            return (outputs.first { $0["name"] as? String == "LABELS" }?["data"] as? [String])?.first ?? "none"
        }
    }

    @Test("A posted picture gets its class, and the proxy follows its server's restarts and provisioning")
    func life() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let port = try Loopback.Port()
        defer { withExtendedLifetime(port) {} }
        let address = port.url
        let proxy = try RunningProxy(deployment, [address])
        #expect(try proxy.ready().status == 503)
        #expect(try proxy.best(Demo.clients[0].0).contains("cannot be reached"))
        let server = try Server(deployment, options: port.options)
        try proxy.program.wait(until: "unprovisioned enclave") {
            let answer = try proxy.ready()
            return (answer.json?["error"] as? String)?.contains("has not provisioned") == true
        }
        try succeed(deployment.provisionArguments(address), in: deployment.folder)
        try proxy.waitUntilReady()
        for (picture, expected) in Demo.clients { #expect(try proxy.best(picture) == expected) }
        // The enclave dies and comes back with other keys.
        let first = server.program.children
        kill(try #require(first.first), SIGKILL)
        try server.program.wait(until: "new enclave") {
            server.program.children.count == 1 && server.program.children != first
        }
        try server.program.wait(until: "unprovisioned enclave") { try server.state() == "unprovisioned" }
        let refusal = try proxy.classify(Demo.clients[0].0)
        #expect(refusal.status == 503)
        #expect((refusal.json?["error"] as? String)?.contains("infenclave provision") == true)
        try succeed(deployment.provisionArguments(address), in: deployment.folder)
        #expect(try proxy.best(Demo.clients[0].0) == "Stop")
    }

    @Test("A policy that is removed or replaced while the proxy runs takes effect at once")
    func revokedPolicy() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let other = try Deployment(name: "other", in: folder)
        let server = try Server(provisioned: deployment)
        let proxy = try RunningProxy(deployment, [server.url])
        try proxy.waitUntilReady()
        let policy = try bytes(of: deployment.policy)
        func wait(for words: String) throws {
            try proxy.program.wait(until: words) {
                (try proxy.ready().json?["error"] as? String)?.contains(words) == true
            }
        }
        try FileManager.default.removeItem(atPath: deployment.policy)
        try wait(for: "cannot be read: No such file or directory")
        #expect(try proxy.classify(Demo.clients[0].0).status == 503)
        try Data(try bytes(of: other.policy)).write(to: URL(filePath: deployment.policy), options: .atomic)
        try wait(for: "manifest")
        #expect(try proxy.best(Demo.clients[0].0).contains("not attested, and nothing was sent"))
        try Data(policy).write(to: URL(filePath: deployment.policy), options: .atomic)
        try proxy.waitUntilReady()
        #expect(try proxy.best(Demo.clients[0].0) == "Stop")
    }

    @Test("The proxy's answers and health report an ended lease with its remedy, and the next lease is found")
    func lease() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let proxy = try RunningProxy(deployment, [server.url])
        try proxy.waitUntilReady()
        // Keys are new under another lease, so the proxy attests again; no request is sent when the lease ends.
        try deployment.provisionWithShortLease(server.url) { try proxy.best(Demo.clients[0].0) == "Stop" }
        try proxy.program.wait(until: "reason") {
            let error = try proxy.ready().json?["error"] as? String ?? ""
            return error.contains("lease for the enclave has ended") && error.contains("`infenclave provision` again")
        }
        let refusal = try proxy.classify(Demo.clients[0].0)
        #expect(refusal.status == 503)
        #expect(
            (refusal.json?["error"] as? String)?.contains("lease for the enclave has ended; the owner runs") == true)
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        try proxy.waitUntilReady()
        #expect(try proxy.best(Demo.clients[0].0) == "Stop")
    }

    @Test("Another enclave at the port of a lost one is attested again and receives no picture")
    func anotherEnclave() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let other = try Deployment(name: "other", in: folder)
        let port = try Loopback.Port()
        defer { withExtendedLifetime(port) {} }
        let server = try Server(provisioned: deployment, options: port.options)
        let between = try RecordingProxy(to: server.port)
        let proxy = try RunningProxy(deployment, [between.url])
        try proxy.waitUntilReady()
        #expect(try proxy.best(Demo.clients[0].0) == "Stop")
        func wait(for words: String) throws {
            try proxy.program.wait(until: words) {
                (try proxy.ready().json?["error"] as? String)?.contains(words) == true
            }
        }
        // The only server is lost.
        try server.lose()
        #expect(try proxy.best(Demo.clients[0].0).contains("cannot be reached"))
        try wait(for: "infenclave serve")
        let posts = between.posts(to: "/ohttp").count
        let stranger = try Server(other, options: port.options)
        try succeed(other.provisionArguments(stranger.url), in: folder)
        try wait(for: "evidence rejected")
        #expect(try proxy.best(Demo.clients[0].0).contains("not attested, and nothing was sent"))
        // Its host reports that it is ready, which has no effect.
        sleep(7)
        #expect(try proxy.ready().status == 503)
        #expect(between.posts(to: "/ohttp").count == posts)
        try stranger.lose()
        let back = try Server(deployment, options: port.options)
        try succeed(deployment.provisionArguments(back.url), in: folder)
        try proxy.waitUntilReady()
        #expect(try proxy.best(Demo.clients[0].0) == "Stop")
    }

    @Test("A server that never answers delays neither the removal of a policy nor requests to another server")
    func silentServer() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let silent = try SilentServer()
        let proxy = try RunningProxy(deployment, [silent.url, server.url])
        try proxy.waitUntilReady()
        try proxy.program.wait(until: "question to the silent one") { silent.requests > 0 }
        #expect(try proxy.best(Demo.clients[0].0) == "Stop")
        let policy = try bytes(of: deployment.policy)
        try FileManager.default.removeItem(atPath: deployment.policy)
        try proxy.program.wait(until: "refusal") { try proxy.ready().status == 503 }
        let answer = try proxy.best(Demo.clients[0].0)
        #expect(answer.contains("cannot be read"), "\(answer)")
        try Data(policy).write(to: URL(filePath: deployment.policy), options: .atomic)
        try proxy.program.wait(until: "ready proxy") { try proxy.ready().status == 200 }
        #expect(try proxy.best(Demo.clients[0].0) == "Stop")
        withExtendedLifetime(silent) {}
    }

    @Test("With several servers, clients do not notice the loss of one")
    func severalServers() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let servers = try (0..<2).map { _ in try Server(provisioned: deployment) }
        let proxy = try RunningProxy(deployment, servers.map(\.url))
        try proxy.program.wait(until: "both servers") {
            servers.allSatisfy { proxy.program.errors.contains("served by \($0.url)") }
        }
        for _ in 0..<4 { #expect(try proxy.best(Demo.clients[0].0) == "Stop") }
        #expect(try servers.allSatisfy { try $0.metric("answers_total") > 0 })
        try servers[0].lose()
        for _ in 0..<4 { #expect(try proxy.best(Demo.clients[0].0) == "Stop") }
        // The other server runs until its object is released.
        withExtendedLifetime(servers) {}
    }

    @Test("A server that stops answering is detected, and is used again when it answers")
    func silencedServer() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let servers = try (0..<2).map { _ in try Server(provisioned: deployment) }
        let proxy = try RunningProxy(deployment, servers.map(\.url))
        try proxy.program.wait(until: "both servers") {
            servers.allSatisfy { proxy.program.errors.contains("served by \($0.url)") }
        }
        for _ in 0..<4 { #expect(try proxy.best(Demo.clients[0].0) == "Stop") }
        // The kernel continues to accept connections for it.
        let silent = servers[0]
        kill(silent.program.identifier, SIGSTOP)
        defer { kill(silent.program.identifier, SIGCONT) }
        // One of the first two is sent to it before that is known, and then to the other server.
        for _ in 0..<4 { #expect(try proxy.best(Demo.clients[0].0) == "Stop") }
        #expect(proxy.program.errors.contains("not served by \(silent.url)"))
        // After detection no request goes to it; otherwise each request would wait.
        let isQuick = try (0..<5).contains { _ throws in
            let start = ContinuousClock.now
            for _ in 0..<4 { #expect(try proxy.best(Demo.clients[0].0) == "Stop") }
            return start.duration(to: .now) < .seconds(10)
        }
        #expect(isQuick)
        #expect(try proxy.ready().status == 200)
        kill(silent.program.identifier, SIGCONT)
        try proxy.program.wait(until: "its return") {
            proxy.program.errors.ranges(of: "served by \(silent.url), attested").count == 2
        }
        withExtendedLifetime(servers) {}
    }

    @Test("SIGTERM ends the proxy within its time limit, even with a stalled upload")
    func end() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let proxy = try RunningProxy(deployment, ["http://127.0.0.1:9"])
        let (idle, stalled) = (try Loopback.connect(port: proxy.port), try Loopback.connect(port: proxy.port))
        defer { for descriptor in [idle, stalled] { close(descriptor) } }
        let head = "POST /v2/models/classifier_image/infer HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n1"
        #expect(Loopback.send(Array(head.utf8), to: stalled))
        // It is being read once another request has been answered.
        #expect(try proxy.ready().status == 503)
        kill(proxy.program.identifier, SIGTERM)
        #expect(try proxy.program.wait().status == 0)
    }

    @Test("A non-loopback listener needs an API key, and the development TEE must be named")
    func refusals() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let arguments = [
            "proxy", "--server", "http://127.0.0.1:9", "--policy", deployment.policy, "--token", deployment.token,
        ]
        let open = try infenclave(arguments + ["--tee", "development", "--listen", "0.0.0.0:0"], in: deployment.folder)
        #expect(open.status == 64 && open.errors.contains("--api-key"), "\(open.errors)")
        let unnamed = try infenclave(arguments, in: deployment.folder)
        #expect(unnamed.status == 1 && unnamed.errors.contains("add --tee development"), "\(unnamed.errors)")
        let (listener, port) = try Loopback.listen()
        defer { close(listener) }
        let taken = try infenclave(
            arguments + ["--tee", "development", "--listen", "127.0.0.1:\(port)"], in: deployment.folder)
        #expect(taken.status == 1 && taken.errors.contains("choose another address"), "\(taken.errors)")
    }
}
