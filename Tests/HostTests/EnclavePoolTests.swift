// SPDX-License-Identifier: Apache-2.0
import Glibc
import HostCore
import HostServer
import Testing
import Wire

@Suite("Several enclaves for one bundle", .enabled(if: PooledEnclaves.isPossible))
struct EnclavePoolTests {
    @Test("A request goes to the enclave with its key, and a request with an unknown key is refused as such")
    func dispatch() async throws {
        let pool = try PooledEnclaves.pool(3)
        try await pool.begin()
        #expect(pool.readyCount == 0)
        try await pool.provision()
        #expect(pool.readyCount == 3)
        var processes: Set<pid_t> = []
        for slot in 0..<3 as Range<UInt8> {
            for identifier in [slot << 4, slot << 4 | 9, slot << 4 | 15] {
                let answer = try await pool.ask(identifier)
                #expect(answer.slot == slot && answer.message == [identifier, 0])
                processes.insert(answer.process)
            }
        }
        #expect(processes.count == 3)
        for identifier in [0x30, 0xF0, 0xFF] as [UInt8] { #expect(pool.member(forKey: identifier) == nil) }
        #expect(pool.member(forKey: nil) == nil)
        #expect(pool.waiting == 0)
        await pool.stop()
    }

    @Test(
        "Network additions to evidence are added; if they fail there is no evidence, and the log states why"
    )
    func completion() async throws {
        struct Unreachable: Error {}
        let nonce = [UInt8](repeating: 1, count: 32)
        let whole = try PooledEnclaves.pool(1, completion: { $0 + [1, 2] })
        try await whole.begin()
        let document = try await whole.members[0].host.evidence(nonce: nonce)
        #expect("\(document)".contains("\(Array("e".utf8) + [1, 2] as [UInt8])"))
        await whole.stop()

        let lines = ScriptedEnclave.Lines()
        let pool = try PooledEnclaves.pool(
            1, completion: { _ in throw Unreachable() }, log: { lines.append($0.message) })
        try await pool.begin()
        await #expect {
            _ = try await pool.members[0].host.evidence(nonce: nonce)
        } throws: {
            ($0 as? HostError)?.enclaveCode == .evidenceUnavailable
        }
        #expect(lines.all.contains { $0.contains("cannot be completed") && $0.contains("Unreachable") })
        await pool.stop()
    }

    @Test(
        "The end of one replica does not affect the others: its clients attest again, and it is restarted automatically"
    )
    func killed() async throws {
        let pool = try PooledEnclaves.pool(2)
        try await pool.begin()
        try await pool.provision()
        let (first, second) = (try await pool.ask(0x01).process, try await pool.ask(0x11).process)
        kill(first, SIGKILL)
        try await PooledEnclaves.wait(for: "end") { pool.readyCount == 1 }
        // Another replica is ready, so a client that attests again is served.
        await #expect { _ = try await pool.ask(0x01) } throws: { ($0 as? HostError)?.enclaveCode == .unknownKey }
        #expect(try await pool.ask(0x11).process == second)
        #expect(pool.isReady)
        for route in [nil, Route("00"), Route("7f"), Route("ff")] { #expect(pool.member(for: route).replica == 1) }
        try await PooledEnclaves.wait(for: "new process") {
            await pool.members[0].host.state == .unprovisioned
        }
        let readiness = await pool.readiness
        #expect(readiness.state == .ready)
        let reason = try #require(readiness.reason)
        #expect(reason.contains("1 of 2 replicas") && reason.contains("replica 0 is unprovisioned"), "\(reason)")
        try await pool.members[0].host.provision([1])
        #expect(try await pool.ask(0x01).process != first)
        #expect(await pool.readiness.reason == nil)
        await pool.stop()
    }

    @Test("Unanswered requests of one replica fill only its share, and none once it is known to be silent")
    func stopped() async throws {
        let pool = try PooledEnclaves.pool(2, maximumWaiting: 8)
        try await pool.begin()
        try await pool.provision()
        let (first, second) = (pool.members[0], pool.members[1])
        let hung = try await pool.ask(0x01).process
        for _ in 0..<4 { try pool.admit(to: first) }
        #expect { try pool.admit(to: first) } throws: { ($0 as? HostError)?.code == .overloaded }
        kill(hung, SIGSTOP)
        defer { kill(hung, SIGCONT) }
        let waiting = (0..<4).map { _ in
            Task {
                defer { pool.release(first) }
                _ = try await first.host.answer([0x01, 0])
            }
        }
        #expect(try await pool.ask(0x11).slot == 1)
        try await PooledEnclaves.wait(for: "silence") { pool.readyCount == 1 }
        // The other replica now has all remaining places, and requests for the silent one go to it.
        #expect { try pool.admit(to: first) } throws: { ($0 as? HostError)?.enclaveCode == .unknownKey }
        for _ in 0..<4 { try pool.admit(to: second) }
        #expect(pool.waiting == 8)
        #expect { try pool.admit(to: second) } throws: { ($0 as? HostError)?.code == .overloaded }
        for _ in 0..<4 { pool.release(second) }
        #expect(await pool.readiness.reason?.contains("replica 0 is unresponsive") == true)
        kill(hung, SIGCONT)
        for task in waiting { try await task.value }
        try await PooledEnclaves.wait(for: "answer") { pool.readyCount == 2 }
        #expect(pool.waiting == 0)
        #expect(try await pool.ask(0x01).process == hung)
        await pool.stop()
    }

    @Test("An unprovisioned replica takes no room from the serving one")
    func unprovisioned() async throws {
        let pool = try PooledEnclaves.pool(2, maximumWaiting: 8)
        try await pool.begin()
        try await pool.members[1].host.provision([1])
        for _ in 0..<8 { try pool.admit(to: pool.members[1]) }
        #expect { try pool.admit(to: pool.members[1]) } throws: { ($0 as? HostError)?.code == .overloaded }
        // After provisioning it gets a share of the free places, which is zero at first.
        try await pool.members[0].host.provision([1])
        #expect { try pool.admit(to: pool.members[0]) } throws: { ($0 as? HostError)?.code == .overloaded }
        for _ in 0..<4 { pool.release(pool.members[1]) }
        for _ in 0..<4 { try pool.admit(to: pool.members[0]) }
        #expect { try pool.admit(to: pool.members[1]) } throws: { ($0 as? HostError)?.code == .overloaded }
        #expect(pool.waiting == 8)
        for member in pool.members { for _ in 0..<4 { pool.release(member) } }
        #expect(pool.waiting == 0)
        await pool.stop()
    }

    @Test("The key configuration comes from another replica if the first does not answer")
    func keys() async throws {
        let pool = try PooledEnclaves.pool(2)
        try await pool.begin()
        try await pool.provision()
        let hung = try await pool.ask(0x01).process
        // The replica that is asked next.
        while pool.member(for: nil).replica == 0 {}
        let model = ServedModel(name: "model", pool: pool, log: { _ in })
        kill(hung, SIGSTOP)
        try await ServedHost.serving(model: model) { ports in
            // The request may come before the first replica is known to hang.
            let keys = try ServedHost.ask("GET /ohttp-keys", port: ports.port)
            #expect(keys.hasPrefix("HTTP/1.1 200") && keys.hasSuffix("\r\n\r\n\u{1}"), "\(keys)")
        }
        kill(hung, SIGKILL)
        await model.stop()
    }

    @Test("Evidence requests rotate among replicas or follow the route; if a replica ends, only its routes move")
    func routes() async throws {
        let pool = try PooledEnclaves.pool(4)
        try await pool.begin()
        // None is provisioned: all answer.
        #expect(Set((0..<8).map { _ in pool.member(for: nil).replica }) == [0, 1, 2, 3])
        try await pool.provision()
        let routes = try (0..<256).map {
            try #require(Route($0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16)))
        }
        let before = routes.map { pool.member(for: $0).replica }
        #expect(before == routes.map { pool.member(for: $0).replica })
        for replica in 0..<4 { #expect((32...96).contains(before.count { $0 == replica }), "\(before)") }
        let gone = try await pool.ask(0x21).process
        kill(gone, SIGKILL)
        try await PooledEnclaves.wait(for: "end") { pool.readyCount == 3 }
        let after = routes.map { pool.member(for: $0).replica }
        for (old, new) in zip(before, after) { #expect(old == 2 ? new != 2 : new == old) }
        await pool.stop()
    }

    @Test("A single replica gets requests with any key identifier, since an older enclave chooses its own")
    func alone() async throws {
        let pool = try PooledEnclaves.pool(1)
        try await pool.begin()
        try await pool.provision()
        for identifier in [0x00, 0x77, 0xFF] as [UInt8] {
            #expect(try await pool.ask(identifier).message == [identifier, 0])
        }
        await pool.stop()
    }

    @Test("An enclave of an older build can be served alone, but not as one of several", arguments: [1, 2])
    func olderBuild(replicas: Int) async throws {
        // It refuses unknown messages as malformed.
        let older = PooledEnclaves.program.replacing(
            "slot = payload[0]\n        say(130, request)", with: "say(135, request, struct.pack(\"<H\", 1))")
        #expect(older != PooledEnclaves.program)
        let pool = try ScriptedEnclave.pool(
            older, executable: "/usr/bin/python3", slots: KeySlot.first(replicas), startTimeout: .seconds(600))
        if replicas == 1 {
            try await pool.begin()
        } else {
            await #expect { try await pool.begin() } throws: { ($0 as? HostError)?.code == .unusableBundle }
        }
        await pool.stop()
    }

    @Test(
        "Text that is not a valid route is refused",
        arguments: ["", "A1", "7F", "a b", "é", "a\r\nb", String(repeating: "a", count: 17), "-1", "a,b"])
    func invalidRoutes(_ text: String) { #expect(Route(text) == nil) }

    @Test("A random route is one of 256")
    func madeUpRoutes() {
        for _ in 0..<100 { #expect(Route.random().text.wholeMatch(of: /[0-9a-f]{2}/) != nil) }
    }
}
