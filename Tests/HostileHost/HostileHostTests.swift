// SPDX-License-Identifier: Apache-2.0
import EnclaveCore
import EnclaveFixtures
import Foundation
import MutantEnclave
import SealedChannel
import Tensors
import Testing
import Wire

@Suite("A hostile host and a colluding owner")
struct HostileHostTests {
    /// `INFENCLAVE_SCHEDULES`; as many as an ordinary run of the tests can afford otherwise.
    private static let schedules =
        ProcessInfo.processInfo.environment["INFENCLAVE_SCHEDULES"].flatMap { Int($0) } ?? 2000
    /// `INFENCLAVE_FIRST_SCHEDULE`, so that many can be played in parts.
    private static let firstSchedule =
        ProcessInfo.processInfo.environment["INFENCLAVE_FIRST_SCHEDULE"].flatMap { Int($0) } ?? 0
    private static let frames = ProcessInfo.processInfo.environment["INFENCLAVE_FRAMES"].flatMap { Int($0) } ?? 20_000
    private static let chunks = 8
    /// Each removed defence is detected within far fewer.
    private static let schedulesToSee = 4000

    private static func shipped() throws -> World {
        let cast = try Cast.shared.get()
        return try World(cast) { try ShippedEnclave(cast.machine, $0) }
    }

    private static func mutated(without defence: MutantEnclave.Defence) throws -> World {
        let cast = try Cast.shared.get()
        return try World(cast) { try MutatedEnclave(cast.machine, $0, without: defence) }
    }

    @Test(
        "Each attack fails against the complete enclave, and succeeds without its defence",
        arguments: MutantEnclave.Defence.allCases)
    func attacks(_ defence: MutantEnclave.Defence) throws {
        let world = try Self.shipped()
        try Attacks.play(defence, in: world)
        #expect(world.violations == [])
        let mutant = try Self.mutated(without: defence)
        try Attacks.play(defence, in: mutant)
        #expect(!mutant.violations.isEmpty, "the driver does not see that \(defence.rawValue) is missing")
    }

    @Test("No schedule of a hostile host violates a rule of the enclave or the client", arguments: 0..<chunks)
    func schedules(_ chunk: Int) throws {
        for number in stride(from: chunk, to: Self.schedules, by: Self.chunks) {
            let seed = Self.firstSchedule + number
            let world = try Self.shipped()
            var schedule = Schedule(world, seed: UInt64(seed))
            try schedule.play()
            guard world.violations.isEmpty else {
                Issue.record("seed \(seed): \(world.violations)")
                return
            }
        }
    }

    @Test("Random schedules detect every removed defence", arguments: MutantEnclave.Defence.allCases)
    func schedulesSee(_ defence: MutantEnclave.Defence) throws {
        for seed in 0..<Self.schedulesToSee {
            let world = try Self.mutated(without: defence)
            var schedule = Schedule(world, seed: UInt64(seed))
            try schedule.play()
            if !world.violations.isEmpty { return }
        }
        Issue.record("\(Self.schedulesToSee) schedules did not see that \(defence.rawValue) is missing")
    }

    @Test("A request that reuses an expired request's identifier is computed, and the expired one is refused")
    func reusedIdentifier() throws {
        let world = try Self.shipped()
        let slot = world.enclaves[0]
        for message in try world.cast.cut.load() { world.send(message, to: slot) }
        slot.bundle = world.cast.cut
        let grants = [ClientGrant(token: world.cast.tokens[0].digest)]
        try #require(try world.makeProvisioning(for: slot, clients: grants, leaseSeconds: 86_400) != nil)
        world.provision(slot, 0)
        let nonce = [UInt8](repeating: 5, count: 32)
        for _ in 0..<2 {
            let document = try #require(try world.document(of: slot, nonce: nonce))
            try #require(try world.ask(document, nonce: nonce, pinned: world.cast.cut, token: world.cast.tokens[0]))
        }
        world.begin(world.requests[0], at: slot, requestID: 1)
        // A FrontNet that takes longer than a request may wait: its result is dropped with the next message.
        world.advance(by: .seconds(601))
        world.finish(0, of: slot)
        #expect(slot.waiting[1] != nil)
        world.begin(world.requests[1], at: slot, requestID: 1)
        #expect(world.answers.count == 1 && slot.waiting[1] == nil && slot.underWay[1] != nil)
        world.finish(0, of: slot)
        #expect(slot.waiting[1]?.message == world.requests[1].message)
        #expect(world.violations == [])
    }

    @Test("Each mutated frame and message gets one reply, which contains no byte of a picture", arguments: 0..<chunks)
    func mutatedFrames(_ chunk: Int) throws {
        let world = try Self.shipped()
        let slot = world.enclaves[0]
        for message in try world.cast.cut.load() { world.send(message, to: slot) }
        slot.bundle = world.cast.cut
        let grants = [ClientGrant(token: world.cast.tokens[0].digest, requests: .max, requestsPerMinute: .max)]
        try #require(try world.makeProvisioning(for: slot, clients: grants, leaseSeconds: 86_400) != nil)
        world.provision(slot, 0)
        let nonce = [UInt8](repeating: 5, count: 32)
        let document = try #require(try world.document(of: slot, nonce: nonce))
        try #require(try world.ask(document, nonce: nonce, pinned: world.cast.cut, token: world.cast.tokens[0]))
        var generator = SeededGenerator(seed: UInt64(1000 + chunk))
        var seeds = try world.cast.cut.load(chunkBytes: 1 << 16).map { OutgoingFrame($0, requestID: 1).bytes }
        let tensor = try Tensor([Float](repeating: 1, count: 8), shape: [1, 2, 2, 2])
        let messages: [HostMessage] = [
            .hello(versions: FrameHeader.versions), .evidence(nonce: nonce),
            .provision(ciphertext: world.provisionings[0].message),
            .infer(message: world.requests[0].message), .backNetResult([tensor]), .backNetFailure, .cancel, .status,
        ]
        seeds += messages.map { OutgoingFrame($0, requestID: 1).bytes }
        for _ in 0..<Self.frames / Self.chunks {
            guard var bytes = generator.pick(seeds) else { return }
            for _ in 0...generator.below(3) {
                switch generator.below(4) {
                case 0: bytes.removeLast(generator.below(bytes.count))
                case 1:
                    bytes.append(
                        contentsOf: (0..<generator.below(40)).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
                default: if !bytes.isEmpty { bytes[generator.below(bytes.count)] ^= 1 << UInt8(generator.below(8)) }
                }
            }
            try Self.feed(bytes, to: slot, world)
            guard world.violations.isEmpty else {
                Issue.record("\(world.violations)")
                return
            }
        }
        // It still serves.
        try #require(
            try world.ask(
                try #require(try world.document(of: slot, nonce: nonce)), nonce: nonce, pinned: world.cast.cut,
                token: world.cast.tokens[0]))
        let request = try #require(world.requests.last)
        let replies = world.send(.infer(message: request.message), to: slot, requestID: 999, for: request)
        guard case .intermediate? = replies.last else {
            Issue.record("the service did not go on")
            return
        }
    }

    /// The enclave's handling of bytes from the host's socket.
    private static func feed(_ bytes: [UInt8], to slot: World.Slot, _ world: World) throws {
        var decoder = FrameDecoder<HostMessage>(limits: slot.enclave.frameLimits)
        var rest = bytes[...]
        while !rest.isEmpty {
            let received: ReceivedFrame<HostMessage>?
            do {
                received = try decoder.receive { (free) throws(WireError) in
                    let count = min(free.count, rest.count)
                    rest.prefix(count).withUnsafeBytes { free.copyMemory(from: $0) }
                    rest = rest.dropFirst(count)
                    return count
                }
            } catch { return }
            switch received {
            case .frame(let frame):
                var request: World.Request?
                if case .infer(let message) = frame.message {
                    request = world.requests.first { $0.message == message }
                }
                // Few requests wait at a time: the longest-waiting one is dropped.
                for identifier in slot.waiting.keys { world.send(.cancel, to: slot, requestID: identifier) }
                world.send(frame.message, to: slot, requestID: frame.requestID, for: request)
            case .malformed(let requestID, _):
                if slot.enclave.refuseMalformed(requestID: requestID).count != 1 { world.violate("not one refusal") }
            case nil: break
            }
        }
    }
}
