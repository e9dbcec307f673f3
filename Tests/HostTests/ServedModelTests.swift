// SPDX-License-Identifier: Apache-2.0
import Glibc
import HostCore
import Testing
import Wire

@Suite("Replacing a served bundle", .enabled(if: PooledEnclaves.isPossible))
struct ServedModelTests {
    private static func limits(
        grace: Duration = .milliseconds(300), patience: Duration = .seconds(600), drain: Duration = .seconds(600)
    ) -> ServedModel.Limits {
        var limits = ServedModel.Limits()
        (limits.grace, limits.patience, limits.drain) = (grace, patience, drain)
        return limits
    }

    private static func model(_ replicas: Int, _ limits: ServedModel.Limits = limits()) async throws -> ServedModel {
        let pool = try PooledEnclaves.pool(replicas, manifest: 1)
        try await pool.begin()
        try await pool.provision()
        return ServedModel(name: "model", pool: pool, limits: limits, log: { _ in })
    }

    private static func staged(_ replicas: Int, beside model: ServedModel) async throws -> EnclavePool {
        let slots = try #require(await model.slots(for: replicas))
        let pool = try PooledEnclaves.pool(
            replicas, from: slots[0].number, manifest: 2, metrics: model.metrics)
        try await model.stage(pool)
        return pool
    }

    private static func ask(_ model: ServedModel, _ keyIdentifier: UInt8) async throws -> PooledAnswer {
        let (pool, member) = try model.member(forKey: keyIdentifier)
        return try await pool.ask(member, [keyIdentifier, 0])
    }

    @Test("A staged pool serves after provisioning, and the old pool's keys are accepted until the grace period ends")
    func swap() async throws {
        let model = try await Self.model(2, Self.limits(grace: .seconds(600)))
        let old = model.serving
        let new = try await Self.staged(2, beside: model)
        #expect(model.serving === old && model.staged === new)
        #expect(model.pool(of: new.manifestDigest) === new && model.pool(of: [3]) == nil)
        try await new.members[0].host.provision([1])
        // One provisioned replica of two is not enough.
        try await Task.sleep(for: .milliseconds(300))
        #expect(model.serving === old)
        try await new.members[1].host.provision([1])
        try await PooledEnclaves.wait(for: "switch") { model.serving === new }
        #expect(model.staged == nil)
        for slot in 0..<4 as Range<UInt8> { #expect(try await Self.ask(model, slot << 4).slot == slot) }
        let text = await model.metricsText.text
        #expect(text.contains("infenclave_bundle_switches_total{model=\"model\"} 1"))
        // The metrics alone show which bundles are served.
        for (role, digest) in [("serving", "02"), ("retiring", "01")] {
            let manifest = String(repeating: digest, count: 32)
            #expect(
                text.contains(
                    "infenclave_model_info{model=\"model\",pool=\"\(role)\",title=\"\",manifest=\"\(manifest)\"} 1\n"))
        }
        await model.stop()
    }

    @Test(
        "Requests running at the end of the grace period finish; then the old enclaves end and their keys are unknown")
    func drain() async throws {
        let model = try await Self.model(2)
        let old = model.serving
        let process = try await Self.ask(model, 0x01).process
        try old.admit(to: old.members[0])
        let new = try await Self.staged(2, beside: model)
        try await new.provision()
        try await PooledEnclaves.wait(for: "switch") { model.serving === new }
        // They get no new requests, and continue.
        try await PooledEnclaves.wait(for: "end of the grace") {
            do throws(HostError) {
                try old.admit(to: old.members[1])
                old.release(old.members[1])
                return false
            } catch { return error.enclaveCode == .unknownKey }
        }
        #expect(model.pools.count == 2)
        _ = try await old.members[0].host.answer([0x01, 0])
        old.release(old.members[0])
        try await PooledEnclaves.wait(for: "end") { model.pools.count == 1 }
        #expect(kill(process, 0) == -1 && errno == ESRCH)
        for slot in 0..<2 as Range<UInt8> {
            await #expect { _ = try await Self.ask(model, slot << 4) } throws: {
                ($0 as? HostError)?.enclaveCode == .unknownKey
            }
        }
        #expect(try await Self.ask(model, 0x31).slot == 3)
        await model.stop()
    }

    @Test("If some replicas of a staged pool stay unprovisioned, the others serve after a timeout")
    func patience() async throws {
        let model = try await Self.model(1, Self.limits(patience: .milliseconds(500)))
        let new = try await Self.staged(2, beside: model)
        try await new.members[1].host.provision([1])
        try await PooledEnclaves.wait(for: "switch") { model.serving === new }
        #expect(await model.readiness.reason?.contains("1 of 2") == true)
        await model.stop()
    }

    @Test("Another bundle replaces the staged one; after a switch it waits for the end of the grace period")
    func third() async throws {
        let model = try await Self.model(8)
        let second = try await Self.staged(8, beside: model)
        let third = try await Self.staged(8, beside: model)
        #expect(model.staged === third && model.pools.count == 2)
        #expect(await second.readiness.state == .stopped)
        try await third.provision()
        try await PooledEnclaves.wait(for: "switch") { model.serving === third }
        // All key slots are in use until the first pool has ended.
        let fourth = try await Self.staged(8, beside: model)
        #expect(model.pools.map(\.role) == [.serving, .staged])
        #expect(Set(fourth.members.map { $0.replica }) == Set(0..<8))
        await model.unstage()
        #expect(model.staged == nil && model.serving === third)
        await model.stop()
        #expect(await model.slots(for: 1) == nil)
    }

    @Test("A staged pool that cannot be started leaves the serving one unchanged")
    func broken() async throws {
        let model = try await Self.model(1)
        let broken = try ScriptedEnclave.pool("exit 3", slots: try #require(await model.slots(for: 1)))
        await #expect(throws: HostError.self) { try await model.stage(broken) }
        #expect(model.staged == nil)
        #expect(try await Self.ask(model, 0x01).slot == 0)
        await model.stop()
    }
}
