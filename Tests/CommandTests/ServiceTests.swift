// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

@Suite("The server's life cycle")
struct ServiceTests {
    @Test("Until it is provisioned the server is live but not ready, and answers 503 with a code")
    func unprovisioned() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment)
        #expect(try server.get("/health/live").status == 200)
        let ready = try server.get("/health/ready")
        #expect(ready.status == 503 && ready.body.isEmpty)
        #expect(try server.state() == "unprovisioned")
        #expect(try server.get("/metrics").status == 404)
        let answer = try server.post("/ohttp", [UInt8](repeating: 0, count: 2000))
        #expect(answer.status == 503)
        #expect(answer.code == "notProvisioned")
        let classified = try infenclave(
            deployment.classifyArguments(server.url, [Demo.clients[0].0]), in: deployment.folder)
        #expect(classified.status == 1)
        #expect(classified.code == "notProvisioned")
        // Attestation works before provisioning.
        let attested = try succeed(["attest"] + deployment.target(server.url), in: deployment.folder)
        #expect(attested.output.contains("accepted"))

        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        #expect(try server.get("/health/ready").status == 200)
        #expect(try server.state() == "ready")
        // The owner may come again, for instance to renew the lease.
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        let answers = try deployment.classify(server.url, Demo.clients.map(\.0))
        #expect(answers.map { $0[0].name } == Demo.clients.map(\.1))
        #expect(try server.metric("answers_total") == 3)
        #expect(try server.metric("backnet_runs_total") == 3)
    }

    @Test("Provisioning with the key of another bundle, another owner's key or other tokens is refused with a code")
    func wrongProvisioning() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let other = try Deployment(name: "other", in: folder)
        let server = try Server(deployment)
        func provision(key: String, owner: String, token: String) throws -> Outcome {
            try infenclave(
                ["provision"] + deployment.target(server.url) + [
                    "--key", key, "--owner-key", owner, "--client-token", token, "--json",
                ], in: folder)
        }
        let wrongKey = try provision(key: other.modelKey, owner: deployment.ownerKey, token: deployment.token)
        #expect(wrongKey.status == 1)
        #expect(wrongKey.code == "frontNetRefused")
        #expect(try server.state() == "unprovisioned")
        try succeed(["keygen", "owner", "--out", folder.file("stranger.key")], in: folder)
        let wrongOwner = try provision(
            key: deployment.modelKey, owner: folder.file("stranger.key"), token: deployment.token)
        #expect(wrongOwner.status == 1)
        #expect(wrongOwner.code == "invalidConfiguration")
        // The right message is still accepted, and after it no earlier one.
        try succeed(deployment.provisionArguments(server.url) + ["--sequence", "10"], in: folder)
        for sequence in ["9", "10"] {
            let stale = try infenclave(
                deployment.provisionArguments(server.url) + ["--sequence", sequence, "--json"], in: folder)
            #expect(stale.status == 1 && stale.code == "staleSequence", "\(sequence)")
        }
        #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == "Stop")
    }

    @Test("Provisioning again removes unlisted clients, and gives each client its own quota")
    func updatedClients() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let server = try Server(provisioned: deployment)
        try succeed(["keygen", "token", "--out", folder.file("second.token")], in: folder)
        let arguments =
            ["provision"] + deployment.target(server.url) + [
                "--key", deployment.modelKey, "--owner-key", deployment.ownerKey,
            ]
        func classify(_ token: String) throws -> Outcome {
            try infenclave(
                ["classify"] + deployment.target(server.url) + ["--token", token, "--json", Demo.clients[0].0],
                in: folder)
        }
        try succeed(
            arguments + [
                "--client-token", deployment.token + ",requests=1", "--client-token",
                folder.file("second.token") + ",requests=2,per-minute=1",
            ], in: folder)
        #expect(try classify(deployment.token).status == 0)
        #expect(try classify(deployment.token).code == "overLimit")
        #expect(try classify(folder.file("second.token")).status == 0)
        #expect(try classify(folder.file("second.token")).code == "tooManyRequests")
        try succeed(arguments + ["--client-token", folder.file("second.token")], in: folder)
        #expect(try classify(deployment.token).code == "unknownToken")
        #expect(try classify(folder.file("second.token")).status == 0)
    }

    @Test(
        "When the lease ends the server is not ready, clients get the reason, and the owner renews it without a restart"
    )
    func leaseEnds() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let server = try Server(deployment)
        let enclaves = server.program.children
        try deployment.provisionWithShortLease(server.url) { try server.state() == "ready" }
        try server.program.wait(until: "end of the lease") { try server.state() == "unprovisioned" }
        let refused = try infenclave(deployment.classifyArguments(server.url, [Demo.clients[0].0]), in: folder)
        #expect(refused.status == 1 && refused.code == "leaseEnded")
        try succeed(deployment.provisionArguments(server.url), in: folder)
        #expect(server.program.children == enclaves)
        #expect(try server.state() == "ready")
        #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == "Stop")
    }

    @Test("A dead enclave is restarted, reports itself unprovisioned, and serves after provisioning")
    func restart() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let first = server.program.children
        try #require(first.count == 1)
        kill(first[0], SIGKILL)
        try server.program.wait(until: "new enclave") {
            let children = server.program.children
            return children.count == 1 && children != first
        }
        try server.program.wait(until: "unprovisioned enclave") { try server.state() == "unprovisioned" }
        #expect(server.program.errors.contains("the owner must provision again"))
        #expect(try server.get("/health/live").status == 200)
        #expect(try server.metric("enclave_restarts_total") == 1)
        let refused = try infenclave(
            deployment.classifyArguments(server.url, [Demo.clients[0].0]), in: deployment.folder)
        #expect(refused.code == "notProvisioned")
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == "Stop")
    }

    @Test("SIGTERM and SIGINT end the server in order, together with the enclave", arguments: [SIGTERM, SIGINT])
    func termination(_ signal: Int32) throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        // Other tests may delay it now and then; a host that waits without reason does so every time.
        let isQuick = try (0..<5).contains { _ in
            let server = try Server(provisioned: deployment)
            let enclaves = server.program.children
            try #require(enclaves.count == 1)
            let start = ContinuousClock.now
            kill(server.program.identifier, signal)
            let outcome = try server.program.wait()
            #expect(outcome.status == 0)
            #expect(kill(enclaves[0], 0) == -1 && errno == ESRCH)
            return ContinuousClock.now - start < .seconds(5)
        }
        #expect(isQuick, "each end took 5 s")
    }

    @Test("Between requests, host and enclave each use at most 20 ms of processor time in 200 ms")
    func sleeps() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        _ = try succeed(
            ["classify", Demo.clients[0].0, "--token", deployment.token] + deployment.target(server.url),
            in: deployment.folder)
        // Work after an answer may still run, so the median counts.
        for process in [server.program.identifier] + server.program.children {
            let times = try (0..<11).map { _ in
                let before = try Program.processorMilliseconds(of: process)
                usleep(200_000)
                return try Program.processorMilliseconds(of: process) - before
            }
            #expect(times.sorted()[times.count / 2] <= 20, "\(process): \(times) ms")
        }
    }

    @Test("An enclave ends when its host is killed")
    func killedHost() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let enclaves = server.program.children
        try #require(enclaves.count == 1)
        kill(server.program.identifier, SIGKILL)
        #expect(try server.program.wait().status == 128 + 9)
        // Reparented, it ends by itself; whoever adopted it may take a moment to reap it.
        try server.program.wait(until: "end of the enclave") {
            let state = try? String(contentsOfFile: "/proc/\(enclaves[0])/stat", encoding: .utf8)
            return state.map { $0.contains(") Z ") } ?? true
        }
    }

    @Test("Simultaneous clients are all answered, by one worker or several", arguments: [1, 3])
    func concurrency(workers: Int) throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment, options: ["--workers", "\(workers)"])
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        let clients = try (0..<6).map { number in
            try Program(
                deployment.classifyArguments(server.url, (0..<5).map { Demo.clients[(number + $0) % 3].0 }, top: 1),
                in: deployment.folder)
        }
        for (number, client) in clients.enumerated() {
            let outcome = try client.wait()
            #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)\(server.program.errors)")
            let names = outcome.jsonLines.compactMap {
                (($0["results"] as? [[String: Any]])?.first)?["class"] as? String
            }
            #expect(names == (0..<5).map { Demo.clients[(number + $0) % 3].1 })
        }
    }
}
