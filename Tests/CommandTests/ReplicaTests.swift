// SPDX-License-Identifier: Apache-2.0
import Evidence
import Foundation
import Glibc
import TestSupport
import Testing

@Suite("Several enclaves behind one address", .serialized)
struct ReplicaTests {
    /// Without a terminal, and with SIGHUP as it is by default.
    static let detached = "exec setsid env --default-signal=HUP"

    private static let ample = ["--requests", "1000000", "--per-minute", "1000000", "--replicas", "2"]

    private func set(_ replicas: Int, options: [String] = []) throws -> (Deployment, Server) {
        let deployment = try Deployment(cuts: Demo.everythingInside, in: try TemporaryFolder())
        let server = try Server(
            deployment,
            options: ["--replicas", String(replicas), "--connections-per-address", "1024"] + options,
            prefix: Self.detached)
        return (deployment, server)
    }

    /// The policy of a deployment for any bundle of its owner that has everything inside.
    private func looserPolicy(_ deployment: Deployment) throws -> [UInt8] {
        let file = try bytes(of: deployment.policy)
        var policy = try #require(try JSONSerialization.jsonObject(with: Data(file)) as? [String: Any])
        policy["manifestDigest"] = nil
        policy["everythingInside"] = true
        var skipped = policy["skip"] as? [String: String] ?? [:]
        (skipped["manifestDigest"], skipped["everythingInside"]) = ("another bundle may come", nil)
        policy["skip"] = skipped
        return [UInt8](try JSONSerialization.data(withJSONObject: policy))
    }

    /// Of all its threads, in clock ticks.
    private func processorTime(_ process: pid_t) throws -> Int {
        let line = String(decoding: try bytes(of: "/proc/\(process)/stat"), as: UTF8.self)
        // The name before it may hold anything.
        let fields = try #require(line.split(separator: ")").last).split(separator: " ")
        return try #require(Int(fields[11])) + #require(Int(fields[12]))
    }

    private func isReady(_ server: Server, _ replica: Int) throws -> Bool {
        try server.get("/health/ready?replica=\(replica)").status == 200
    }

    @Test("provision reaches every replica, each with its own epoch; a single replica is selected by its number")
    func provisions() throws {
        let (deployment, server) = try set(2)
        let state = try server.getAsOperator("/health/ready")
        #expect(state.status == 503 && (state.json?["reason"] as? String)?.contains("0 of 2") == true)
        let one = try succeed(
            deployment.provisionArguments(server.url) + ["--replica", "1", "--json"], in: deployment.folder)
        #expect(((one.json as? [String: Any])?["replicas"] as? [[String: Any]])?.count == 1)
        #expect(try !isReady(server, 0) && isReady(server, 1))
        let ready = try server.getAsOperator("/health/ready")
        #expect(ready.status == 200 && (ready.json?["reason"] as? String)?.contains("1 of 2") == true)
        // The others serve meanwhile.
        for _ in 0..<4 {
            #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == "Stop")
        }
        // An unverified statement of the server gets no key for another enclave.
        let unexpected = try infenclave(
            deployment.provisionArguments(server.url) + ["--json"], in: deployment.folder)
        #expect(unexpected.status == 1 && unexpected.code == "replicas", "\(unexpected.output)")
        #expect(try !isReady(server, 0))
        let both = try succeed(
            deployment.provisionArguments(server.url) + ["--replicas", "2", "--json"], in: deployment.folder)
        let replicas = try #require((both.json as? [String: Any])?["replicas"] as? [[String: Any]])
        #expect(Set(replicas.compactMap { $0["epoch"] as? String }).count == 2)
        #expect(try isReady(server, 0) && isReady(server, 1))
        #expect(try server.getAsOperator("/health/ready").json?["reason"] == nil)
        // Each replica compares sequence numbers separately.
        let again = try infenclave(
            deployment.provisionArguments(server.url) + ["--replicas", "2", "--sequence", "1", "--json"],
            in: deployment.folder)
        #expect(again.status == 1 && again.code == "staleSequence", "\(again.output)")
        #expect(try server.metric("replica_state{pool=\"serving\",replica=\"1\",state=\"ready\"}") == 1)
    }

    @Test("provision fails and names the replica that it did not reach; the others are provisioned")
    func unreached() throws {
        let (deployment, server) = try set(2)
        let enclaves = server.program.children
        try #require(enclaves.count == 2)
        for stopped in 0..<2 {
            kill(enclaves[stopped], SIGSTOP)
            defer { kill(enclaves[stopped], SIGCONT) }
            try server.program.wait(until: "silence") {
                try (server.getAsOperator("/health/ready").json?["reason"] as? String)?.contains("unresponsive") == true
            }
            let outcome = try infenclave(
                deployment.provisionArguments(server.url) + ["--replicas", "2", "--json"], in: deployment.folder)
            #expect(outcome.status == 1, "\(outcome.output)")
            #expect(try (0..<2).filter { try isReady(server, $0) }.count == 1)
            kill(enclaves[stopped], SIGCONT)
            try server.program.wait(until: "answers") {
                try (server.getAsOperator("/health/ready").json?["reason"] as? String)?.contains("unresponsive") != true
            }
            if stopped == 0 {
                try succeed(
                    deployment.provisionArguments(server.url) + ["--replicas", "2", "--json"], in: deployment.folder)
            }
        }
    }

    @Test("Unknown replicas and pools are refused, and every answer has a route of two digits")
    func strangers() throws {
        let (_, server) = try set(2)
        let evidence = "/.well-known/infenclave/evidence?nonce=" + String(repeating: "07", count: 32)
        for (query, status) in [
            ("", 200), ("&replica=1", 200), ("&replica=2", 404), ("&replica=7", 404), ("&replica=8", 400),
            ("&replica=01", 400), ("&replica=-1", 400), ("&replica=", 400), ("&pool=staged", 404), ("&pool=old", 400),
            ("&manifest=00", 400), ("&manifest=" + String(repeating: "zz", count: 32), 400),
            // An unknown manifest is not refused: the client sees the one that is served.
            ("&manifest=" + String(repeating: "00", count: 32), 200),
        ] {
            let answer = try server.get(evidence + query)
            #expect(answer.status == status, "\(query): \(answer.head)")
            let route = answer.head.firstMatch(of: /(?i)infenclave-route: ([0-9a-f]{2})\r?\n?/)
            #expect(route != nil, "\(query): \(answer.head)")
            usleep(250_000)
        }
        #expect(try server.get("/health/ready?replica=8").status == 400)
        #expect(try server.get("/health/ready?replica=2").status == 404)
    }

    @Test(
        "After kill -9 of one replica under load the other serves, clients attest again, and no request fails"
    )
    func killed() async throws {
        let (deployment, server) = try set(2)
        try succeed(deployment.provisionArguments(server.url) + Self.ample, in: deployment.folder)
        let clients = SteadyClients(4)
        let (url, policy) = (server.url, try bytes(of: deployment.policy))
        async let running: Void = clients.run(url, deployment, policy: policy)
        try await wait(for: "answers") { clients.answers > 20 }
        let enclaves = server.program.children
        try #require(enclaves.count == 2)
        // Clients are distributed at random, so all four may have the same replica: the killed one is a replica with
        // clients.
        let idle = try enclaves.map(processorTime)
        let first = clients.answers
        try await wait(for: "answers by the replica that is killed") { clients.answers > first + 100 }
        let used = try zip(enclaves, idle).map { try processorTime($0) - $1 }
        let killed = used[0] > used[1] ? 0 : 1
        kill(enclaves[killed], SIGKILL)
        let before = clients.answers
        try await wait(for: "more answers") { clients.answers > before + 40 }
        clients.stop()
        try await running
        // A request that was under way is sent again, to another one.
        #expect(clients.failures.isEmpty, "\(clients.failures)")
        #expect(clients.attestations > 4)
        try await wait(for: "new process") { server.program.children.count == 2 }
        #expect(server.program.children.contains(enclaves[1 - killed]))
        #expect(try server.state() == "ready")
        #expect(try server.metric("enclave_restarts_total") == 1)
    }

    @Test("After SIGSTOP of one replica under load only its own requests wait, and they are answered later")
    func stopped() async throws {
        let (deployment, server) = try set(2)
        try succeed(deployment.provisionArguments(server.url) + Self.ample, in: deployment.folder)
        let clients = SteadyClients(4)
        let (url, policy) = (server.url, try bytes(of: deployment.policy))
        async let running: Void = clients.run(url, deployment, policy: policy)
        try await wait(for: "answers") { clients.answers > 20 }
        let enclaves = server.program.children
        try #require(enclaves.count == 2)
        kill(enclaves[0], SIGSTOP)
        try await wait(for: "silence") {
            try server.metric("enclave_stalls_total") == 1 && server.state() == "ready"
        }
        // New clients are led to the other one.
        for _ in 0..<3 {
            #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == "Stop")
        }
        kill(enclaves[0], SIGCONT)
        try await wait(for: "answer") { try server.getAsOperator("/health/ready").json?["reason"] == nil }
        let before = clients.answers
        try await wait(for: "more answers") { clients.answers > before + 20 }
        clients.stop()
        try await running
        #expect(clients.failures.isEmpty, "\(clients.failures)")
        #expect(server.program.children == enclaves)
    }

    @Test("Another bundle replaces the served one under load, and no request fails")
    func swap() async throws {
        let (deployment, server) = try set(2, options: ["--swap-grace", "2"])
        let folder = deployment.folder
        try succeed(deployment.provisionArguments(server.url) + Self.ample, in: folder)
        let policy = try looserPolicy(deployment)
        let next = try Deployment(cuts: Demo.everythingInside, name: "next", in: folder)
        let clients = SteadyClients(4)
        let url = server.url
        async let running: Void = clients.run(url, deployment, policy: policy)
        try await wait(for: "answers") { clients.answers > 20 }
        // A bundle that cannot be read changes nothing.
        let aside = folder.file("aside")
        try FileManager.default.moveItem(atPath: deployment.bundle, toPath: aside)
        kill(server.program.identifier, SIGHUP)
        try await wait(for: "error") { server.program.errors.contains("cannot be used, and the served bundle stays") }
        try FileManager.default.copyItem(atPath: next.bundle, toPath: deployment.bundle)
        kill(server.program.identifier, SIGHUP)
        try await wait(for: "staged bundle") { try server.get("/health/ready?pool=staged").status == 503 }
        #expect(server.program.children.count == 4)
        // The owner's policy for the new bundle finds it.
        let staged = try succeed(next.provisionArguments(server.url) + Self.ample + ["--staged", "--json"], in: folder)
        #expect(((staged.json as? [String: Any])?["replicas"] as? [[String: Any]])?.count == 2)
        try await wait(for: "switch") { try server.metric("bundle_switches_total") == 1 }
        let before = clients.answers
        try await wait(for: "end of the old ones") { server.program.children.count == 2 }
        try await wait(for: "more answers") { clients.answers > before + 40 }
        clients.stop()
        try await running
        #expect(clients.failures.isEmpty, "\(clients.failures)")
        #expect(clients.answers > 60)
        #expect(try next.classify(server.url, [Demo.clients[0].0])[0][0].name == "Stop")
        let old = try infenclave(deployment.classifyArguments(server.url, [Demo.clients[0].0]), in: folder)
        #expect(old.status == 1 && old.code == "attestationRejected", "\(old.output)")
    }

    @Test("A keyholder provisions every replica, and a restarted replica alone")
    func keyholder() throws {
        let (deployment, server) = try set(2)
        let folder = deployment.folder
        try succeed(["keyhold", "sign", "--policy", deployment.policy, "--owner-key", deployment.ownerKey], in: folder)
        try FileManager.default.copyItem(
            atPath: deployment.token, toPath: try folder.makeFolder("clients") + "/alice.token")
        let keyholder = try Program(
            [
                "keyhold", "--server", server.url, "--policy", deployment.policy, "--key", deployment.modelKey,
                "--owner-key", deployment.ownerKey, "--clients", folder.file("clients"), "--log",
                folder.file("keyhold.log"), "--tee", "development", "--interval", "0.2",
                "--replicas", "2",
            ], in: folder)
        try keyholder.wait(until: "service") { try isReady(server, 0) && isReady(server, 1) }
        let enclaves = server.program.children
        try #require(enclaves.count == 2)
        kill(enclaves[1], SIGKILL)
        try keyholder.wait(until: "new process") {
            server.program.children.count == 2 && server.program.children != enclaves
        }
        try keyholder.wait(until: "service") { try isReady(server, 0) && isReady(server, 1) }
        #expect(keyholder.isRunning)
        kill(keyholder.identifier, SIGTERM)
        _ = try keyholder.wait()
        let verified = try succeed(["keyhold", "verify", "--log", folder.file("keyhold.log"), "--json"], in: folder)
        #expect(((verified.json as? [String: Any])?["events"] as? [String: Int])?["release"] == 3)
    }

    @Test("After kill -9 of the host and a restart, a keyholder makes it ready without further action")
    func killedHost() throws {
        let deployment = try Deployment(cuts: Demo.everythingInside, in: try TemporaryFolder())
        let folder = deployment.folder
        let port = try Loopback.Port()
        defer { withExtendedLifetime(port) {} }
        let first = try Server(deployment, options: port.options)
        try succeed(["keyhold", "sign", "--policy", deployment.policy, "--owner-key", deployment.ownerKey], in: folder)
        try FileManager.default.copyItem(
            atPath: deployment.token, toPath: try folder.makeFolder("clients") + "/alice.token")
        let keyholder = try Program(
            [
                "keyhold", "--server", first.url, "--policy", deployment.policy, "--key", deployment.modelKey,
                "--owner-key", deployment.ownerKey, "--clients", folder.file("clients"), "--log",
                folder.file("keyhold.log"), "--tee", "development", "--interval", "0.2",
            ], in: folder)
        try keyholder.wait(until: "service") { try first.state() == "ready" }
        let enclaves = first.program.children
        kill(first.program.identifier, SIGKILL)
        #expect(try first.program.wait().status == 128 + 9)
        // Its enclave goes with it.
        try keyholder.wait(until: "end of the enclave") { enclaves.allSatisfy { kill($0, 0) == -1 } }
        let second = try Server(deployment, options: port.options)
        #expect(second.port == first.port)
        try keyholder.wait(until: "service") { try second.state() == "ready" }
        #expect(try deployment.classify(second.url, [Demo.clients[0].0])[0][0].name == "Stop")
        #expect(keyholder.isRunning)
    }

    private func wait(for what: String, _ condition: () throws -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(3600)
        while try !condition() {
            guard ContinuousClock.now < end else { throw Unexpected("never came: \(what)") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
