// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Crypto
import Evidence
import Foundation
import TestSupport
import Testing

@Suite("Event logs")
struct EventLogTests {
    /// A quote's registers and the events that led to them, of real machines.
    private struct Real: Decodable {
        let registers: [String]
        let events: [EventLog.Event]

        private enum CodingKeys: String, CodingKey { case rtmr0, rtmr1, rtmr2, rtmr3, events }

        init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: CodingKeys.self)
            registers = try [CodingKeys.rtmr0, .rtmr1, .rtmr2, .rtmr3].map {
                try members.decode(String.self, forKey: $0)
            }
            var list = try members.nestedUnkeyedContainer(forKey: .events)
            var events: [EventLog.Event] = []
            while !list.isAtEnd {
                var event = try list.nestedUnkeyedContainer()
                let (register, kind) = (try event.decode(Int.self), try event.decode(UInt32.self))
                let (digest, data) = (try event.decode(String.self), try event.decode(String.self))
                events.append(
                    EventLog.Event(
                        register: register, kind: kind, digest: [UInt8](hex: digest), data: [UInt8](hex: data) ?? []))
            }
            self.events = events
        }
    }

    @Test(
        "Replaying the event logs of real machines gives the registers in their quotes",
        .enabled(if: SharedFiles.exists("vectors/images/tdx-real.json"), Comment(rawValue: SharedFiles.absence)))
    func real() throws {
        let logs = try JSONDecoder().decode([Real].self, from: SharedFiles.bytes("vectors/images/tdx-real.json"))
        #expect(!logs.isEmpty)
        for log in logs {
            let parsed = try EventLog(parsing: EventLogFixture.bytes(log.events))
            #expect(parsed.events == log.events)
            let replay = EventLogReplay(parsed)
            let names = replay.registers.map(\.hex)
            // Measurements made while the domain ran may not be in the log.
            #expect(names.prefix(3) == log.registers.prefix(3))
        }
    }

    private static func digest(_ data: [UInt8]) -> [UInt8] { Array(SHA384.hash(data: data)) }

    private static let events: [EventLog.Event] = [
        .init(register: nil, kind: 3, digest: nil, data: [1, 2, 3]),
        .init(register: 0, kind: 0x8000_0001, digest: digest([1]), data: Array("SecureBoot".utf8)),
        .init(
            register: 1, kind: 0x8000_0007, digest: digest(Array("Calling EFI".utf8)), data: Array("Calling EFI".utf8)),
        .init(register: 2, kind: 6, digest: digest([2]), data: Array("console=ttyS0".utf8).flatMap { [$0, 0] }),
    ]

    @Test("A log is replayed, and the explanation distinguishes measured text from unmeasured text")
    func replay() throws {
        for padding in [[], [UInt8](repeating: 0, count: 100), [UInt8](repeating: 0xFF, count: 4096)] {
            let replay = try EventLogReplay(parsing: EventLogFixture.bytes(Self.events, padding: padding))
            let zero = [UInt8](repeating: 0, count: 48)
            #expect(replay.registers[0] == Self.digest(zero + Self.digest([1])))
            #expect(replay.registers[3] == zero)
            let lines = replay.explanation
            #expect(lines.count == 4)
            #expect(lines[1].hasSuffix("EV_EFI_VARIABLE_DRIVER_CONFIG, said to be: 'SecureBoot'"))
            #expect(lines[2].hasSuffix("EV_EFI_ACTION: 'Calling EFI'"))
            #expect(lines[3].contains("'console=ttyS0'"))
        }
    }

    @Test("A log that violates the format is refused and never traps")
    func malformed() {
        let bytes = EventLogFixture.bytes(Self.events)
        for count in 0..<bytes.count - 1 {
            // A log truncated at the end of an event is a valid, shorter log with other registers.
            guard let replay = try? EventLogReplay(parsing: Array(bytes.prefix(count))) else { continue }
            #expect(replay.steps.count < 4, "\(count)")
        }
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 0x80
            _ = try? EventLogReplay(parsing: changed)
        }
        #expect(throws: AttestationError.self) { try EventLogReplay(parsing: Array("{}".utf8)) }
        #expect(throws: AttestationError.self) {
            try EventLogReplay(parsing: [UInt8](repeating: 0, count: EventLog.maximumBytes + 1))
        }
    }

    /// A fixture whose registers are those of the events.
    private func fixture() throws -> IntelFixture {
        let replay = EventLogReplay(try EventLog(parsing: EventLogFixture.bytes(Self.events)))
        return IntelFixture.tdx().with { fixture in
            for (number, value) in replay.registers.enumerated() { fixture.body.put(value, at: 328 + 48 * number) }
        }
    }

    private func verdict(_ log: [UInt8]) throws -> Verdict {
        let fixture = try fixture()
        let request = VerificationRequest(
            tee: .tdx, evidence: try fixture.evidence(over: IntelFixture.reportData),
            collateral: try fixture.collateral().merging([.eventLog: log]) { $1 }, at: Period.now,
            roots: try fixture.roots())
        return SavedEvidenceAppraiser(policy: nil).verdict(on: request)
    }

    @Test("The replay of a supplied log must give the registers in the quote")
    func comparison() throws {
        #expect(try verdict(EventLogFixture.bytes(Self.events)).isAccepted)
        let short = try verdict(EventLogFixture.bytes(Self.events.dropLast()))
        #expect(short.failures.map(\.code) == [.eventLogMismatch])
        #expect(short.summary.contains("rtmr2"))
        #expect(try verdict([1, 2, 3]).failures.map(\.code) == [.malformed])
    }
}
