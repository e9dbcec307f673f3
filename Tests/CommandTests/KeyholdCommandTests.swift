// SPDX-License-Identifier: Apache-2.0
import AttestationFixtures
import Evidence
import Foundation
import Glibc
import KeyRelease
import Testing

@Suite("The keyhold command", .serialized)
struct KeyholdCommandTests {
    private func arguments(_ deployment: Deployment, _ urls: [String], policy: String) throws -> [String] {
        let folder = deployment.folder
        if !FileManager.default.fileExists(atPath: folder.file("clients")) {
            try FileManager.default.copyItem(
                atPath: deployment.token, toPath: try folder.makeFolder("clients") + "/alice.token")
        }
        return ["keyhold"] + urls.flatMap { ["--server", $0] } + [
            "--policy", policy, "--key", deployment.modelKey, "--owner-key", deployment.ownerKey, "--clients",
            folder.file("clients"), "--log", folder.file("keyhold.log"), "--tee", "development", "--interval", "0.1",
        ]
    }

    @Test("Started servers and replaced enclaves are provisioned without a person, and the log is complete")
    func unattended() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let folder = deployment.folder
        let unsigned = try infenclave(
            try arguments(deployment, ["http://127.0.0.1:1"], policy: deployment.policy), in: folder)
        #expect(unsigned.status == 1 && unsigned.errors.contains("keyhold sign"))
        try succeed(["keyhold", "sign", "--policy", deployment.policy, "--owner-key", deployment.ownerKey], in: folder)

        let server = try Server(deployment)
        let keyholder = try Program(
            try arguments(deployment, [server.url], policy: deployment.policy), in: folder)
        for _ in 0..<2 {
            try keyholder.wait(until: "service") { try server.state() == "ready" }
            #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == Demo.clients[0].1)
            let enclaves = server.program.children
            try #require(enclaves.count == 1)
            kill(enclaves[0], SIGKILL)
            try server.program.wait(until: "end of the enclave") {
                server.program.children.first.map { $0 != enclaves[0] } ?? false
            }
        }
        try keyholder.wait(until: "service") { try server.state() == "ready" }
        #expect(keyholder.isRunning)
        kill(keyholder.identifier, SIGTERM)
        _ = try keyholder.wait()
        let log = folder.file("keyhold.log")
        let verified = try succeed(["keyhold", "verify", "--log", log, "--json"], in: folder)
        let json = try #require(verified.json as? [String: Any])
        #expect((json["events"] as? [String: Int])?["release"] == 3)
        let head = try #require(json["head"] as? String)
        try succeed(["keyhold", "verify", "--log", log, "--head", head], in: folder)
        var bytes = try bytes(of: log)
        try folder.write(bytes[..<(bytes.dropLast().lastIndex(of: 0x0A) ?? 0)] + [0x0A], to: "shorter.log")
        #expect(
            try infenclave(["keyhold", "verify", "--log", folder.file("shorter.log"), "--head", head], in: folder)
                .status == 1)
        bytes[20] ^= 1
        try folder.write(bytes, to: "changed.log")
        #expect(try infenclave(["keyhold", "verify", "--log", folder.file("changed.log")], in: folder).status == 1)
    }

    @Test("Killed at any point, keyhold loses no log entry and releases nothing twice to one run of an enclave")
    func killed() throws {
        let folder = try TemporaryFolder()
        let owner = try ServiceOwner(in: folder)
        let fixture = DevelopmentFixture()
        let service = try AttestedService(owner, fixture)
        let policy = try owner.writePolicy(fixture)
        let options = try arguments(owner.deployment, [service.url], policy: policy) + ["--releases-per-hour", "3600"]
        var generator = SystemRandomNumberGenerator()
        for round in 0..<24 {
            if round.isMultiple(of: 3) { try service.restart() }
            service.change { $0.reception = round.isMultiple(of: 2) ? .takes : .drops }
            let keyholder = try Program(options, in: folder)
            // Its start alone takes some of that.
            usleep(UInt32.random(in: 20_000...500_000, using: &generator))
            kill(keyholder.identifier, SIGKILL)
            _ = try keyholder.wait()
            if FileManager.default.fileExists(atPath: folder.file("keyhold.log")) {
                _ = try LogReader.read(folder.file("keyhold.log"))
            }
        }
        // The last run finishes what the others began.
        service.change { $0.reception = .takes }
        let keyholder = try Program(options, in: folder)
        try keyholder.wait(until: "provisioned enclave") {
            if case .provisioned = service.change({ $0.facts }) { true } else { false }
        }
        kill(keyholder.identifier, SIGKILL)
        _ = try keyholder.wait()

        var messages: [[UInt8]: Set<[UInt8]>] = [:]
        for (epoch, bytes) in service.received { messages[epoch, default: []].insert(bytes) }
        #expect(!messages.isEmpty)
        #expect(messages.values.allSatisfy { $0.count == 1 })
        var logged: [String: Int] = [:]
        _ = try LogReader.read(folder.file("keyhold.log")) { entry, _ in
            if entry.event == .release, let epoch = entry.epoch { logged[epoch, default: 0] += 1 }
        }
        #expect(logged.values.allSatisfy { $0 == 1 })
        for epoch in messages.keys { #expect(logged[epoch.hex] == 1) }
    }
}
