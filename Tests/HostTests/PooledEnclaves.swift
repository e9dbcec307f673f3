// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import HostCore
import Synchronization
import Testing
import Wire

/// Programs that exchange frames like enclaves, for pools. Each answers a request with its slot, its process
/// identifier, and the request's own bytes; it never answers a request whose second byte is 1. Any message provisions
/// it. In its evidence, which proves nothing, the slot represents its keys.
enum PooledEnclaves {
    static let isPossible = FileManager.default.isExecutableFile(atPath: "/usr/bin/python3")

    static let program =
        ScriptedEnclave.framing + """
            state, slot = 2, 255
            while True:
                _, _, kind, _, request, count = struct.unpack("<4sHBBQQ", take(24))
                payload = take(count)
                if kind == 1: say(129, request, struct.pack("<HI", 3, 11) + b"development" + struct.pack("<I", 1000))
                elif kind == 12:
                    slot = payload[0]
                    say(130, request)
                elif kind in (2, 3): say(130, request)
                elif kind == 4:
                    one = struct.pack("<I", 1)
                    say(131, request, one + b"e" + bytes(4) + one + bytes([slot]) + one + b"f" + bytes(16))
                elif kind == 5:
                    state = 3
                    say(132, request)
                elif kind == 6 and payload[1:2] != b"\\x01":
                    say(134, request, struct.pack("<BI", slot, os.getpid()) + payload)
                elif kind == 9: say(135, request, struct.pack("<H", 54))
                elif kind == 10: say(136, request, struct.pack("<BIIIQQQQ", state, 1, 0, 1000, 0, 0, 0, 0))
            """

    static func pool(
        _ count: Int, from first: UInt8 = 0, manifest: UInt8 = 9, maximumWaiting: Int = 64,
        metrics: HostMetrics = HostMetrics(), completion: EnclavePlacement.EvidenceCompletion? = nil,
        log: @escaping @Sendable (LogLine) -> Void = { _ in }
    ) throws -> EnclavePool {
        // Other tests may hold the threads that they are started on.
        try ScriptedEnclave.pool(
            program, executable: "/usr/bin/python3",
            slots: try (0..<count).map { try #require(KeySlot(first + UInt8($0))) },
            manifest: manifest, maximumWaiting: maximumWaiting, startTimeout: .seconds(600), metrics: metrics,
            log: log, completion: completion)
    }

    /// Waits for what happens by itself, however busy the machine is.
    static func wait(for what: String, _ condition: () async throws -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(3600)
        while try await !condition() {
            try #require(ContinuousClock.now < end, "never came: \(what)")
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}

extension EnclavePool {
    func provision() async throws {
        for member in members { try await member.host.provision([1]) }
    }

    /// What the enclave that has this key says.
    func ask(_ keyIdentifier: UInt8, _ more: [UInt8] = [0]) async throws(HostError) -> PooledAnswer {
        guard let member = member(forKey: keyIdentifier) else { throw HostError(refused: .unknownKey) }
        return try await ask(member, [keyIdentifier] + more)
    }

    func ask(_ member: Member, _ message: [UInt8]) async throws(HostError) -> PooledAnswer {
        try admit(to: member)
        defer { release(member) }
        return PooledAnswer(try await member.host.answer(message))
    }
}

struct PooledAnswer: Sendable {
    let slot: UInt8
    let process: pid_t
    let message: [UInt8]

    init(_ bytes: [UInt8]) {
        slot = bytes.first ?? 0xFF
        process = bytes.dropFirst().prefix(4).reversed().reduce(0) { $0 << 8 | pid_t($1) }
        message = Array(bytes.dropFirst(5))
    }
}
