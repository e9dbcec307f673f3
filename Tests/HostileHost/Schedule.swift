// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import EnclaveFixtures
import Evidence
import MutantEnclave
import SealedChannel
import Tensors
import Wire

/// A host whose actions a generator selects. It begins with a running service, because most attacks need one.
struct Schedule {
    let world: World
    private var generator: SeededGenerator
    private let steps: Int
    /// The main aim of the host: with all aims at once, few schedules would get far.
    private var aim = Aim.anything

    private enum Aim: CaseIterable { case anything, flood, withholding }

    init(_ world: World, seed: UInt64, steps: Int = 30) {
        self.world = world
        generator = SeededGenerator(seed: seed)
        self.steps = steps
    }

    /// Plays all steps, or stops at the first violated rule.
    mutating func play() throws {
        let cast = world.cast
        switch generator.below(5) {
        case 0: try loadSwapped(world.enclaves[0])
        case let choice:
            try load(world.enclaves[0], bundle: [cast.cut, cast.cut, cast.honest, cast.traps[0]][choice - 1])
        }
        aim = generator.pick(Aim.allCases) ?? .anything
        try provision(world.enclaves[0])
        for _ in 0..<steps where world.violations.isEmpty { try step() }
    }

    private mutating func step() throws {
        guard let slot = generator.pick(world.enclaves) else { return }
        switch aim {
        case .flood where generator.chance(2): return try client(slot)
        case .withholding where generator.chance(6):
            world.advance(by: .seconds(3700))
            return infer(slot)
        default: break
        }
        if !slot.begun.isEmpty, generator.chance(4) { return world.finish(generator.below(slot.begun.count), of: slot) }
        switch generator.below(22) {
        case 0 where world.enclaves.count < 3: try world.start()
        case 0: world.enclaves.remove(at: generator.below(world.enclaves.count))
        case 1 where slot.bundle != nil: infer(slot)
        case 1: try load(slot, bundle: generator.pick(world.cast.bundles) ?? world.cast.honest)
        case 2: try loadMixed(slot)
        case 3, 4: try provision(slot)
        case 5: if !world.provisionings.isEmpty { world.provision(slot, generator.below(world.provisionings.count)) }
        case 6, 7, 8: try client(slot)
        case 9, 10, 11, 12: infer(slot)
        case 13, 14: try answer(slot)
        case 15: world.send(generator.chance(2) ? .backNetFailure : .cancel, to: slot, requestID: identifier())
        case 16: world.advance(by: .seconds([1, 30, 59, 61, 599, 601, 3601, 3700][generator.below(8)]))
        case 17: mutated(slot)
        case 18: try lie(slot)
        case 19: deliver()
        case 20: try forge(slot)
        default: world.send(.status, to: slot)
        }
    }

    private mutating func identifier() -> UInt64 { UInt64(generator.below(8)) }

    private func load(_ slot: World.Slot, bundle: Deployment) throws {
        for message in try bundle.load(chunkBytes: 1 << 16) {
            guard case .accepted? = world.send(message, to: slot).last else { return }
        }
        slot.bundle = bundle
    }

    /// The core of one bundle and parts of another.
    private mutating func loadMixed(_ slot: World.Slot) throws {
        if generator.chance(3) { return try loadSwapped(slot) }
        guard let named = generator.pick(world.cast.bundles), let other = generator.pick(world.cast.bundles) else {
            return
        }
        world.send(try named.loadManifest(), to: slot)
        for message in other.loadParts(chunkBytes: generator.chance(2) ? 700 : 1 << 16) {
            if generator.chance(8) { continue }
            world.send(message, to: slot)
        }
        if slot.bundle == nil { slot.bundle = named }
    }

    private func loadSwapped(_ slot: World.Slot) throws {
        for message in world.cast.swapped { world.send(message, to: slot) }
        if slot.bundle == nil { slot.bundle = world.cast.honest }
    }

    private mutating func provision(_ slot: World.Slot) throws {
        let clients = world.cast.tokens.shuffled(using: &generator).prefix(1 + generator.below(2)).map {
            ClientGrant(token: $0.digest, requests: generator.chance(2) ? 1 : 20)
        }
        let lease: UInt32 = aim == .withholding || generator.chance(3) ? 86_400 : 600
        guard try world.makeProvisioning(for: slot, clients: clients, leaseSeconds: lease) != nil, !generator.chance(4)
        else { return }
        world.provision(slot, world.provisionings.count - 1)
        // After a lease the enclave needs its parts again.
        if let bundle = slot.bundle, generator.chance(2) {
            for message in bundle.loadParts(chunkBytes: 1 << 16) { world.send(message, to: slot) }
            world.provision(slot, world.provisionings.count - 1)
        }
    }

    private mutating func client(_ slot: World.Slot) throws {
        let nonce = (0..<32).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        let fresh = try world.document(of: slot, nonce: nonce)
        guard let document = generator.chance(6) ? generator.pick(world.documents) : fresh else { return }
        let pinned = [nil, world.cast.honest, world.cast.cut][generator.below(3)]
        let token = generator.pick(world.cast.tokens + [world.cast.stranger]) ?? world.cast.stranger
        let accepted = try world.ask(
            document, nonce: nonce, pinned: pinned, token: token, floats: generator.chance(4))
        // Most steps are ordinary actions of a host.
        if accepted, !generator.chance(3), let request = world.requests.last {
            infer(request, slot)
        }
    }

    /// Completed at once, or later, so that other steps happen during the computation.
    private mutating func infer(_ request: World.Request, _ slot: World.Slot) {
        let requestID = identifier()
        if generator.chance(3) { return world.begin(request, at: slot, requestID: requestID) }
        world.send(.infer(message: request.message), to: slot, requestID: requestID, for: request)
    }

    private mutating func infer(_ slot: World.Slot) {
        guard let request = generator.pick(world.requests) else { return }
        infer(request, slot)
    }

    private mutating func answer(_ slot: World.Slot) throws {
        var values = [Float](repeating: 1, count: 8)
        switch generator.below(5) {
        case 0: values[3] = .nan
        case 1: values[7] = .infinity
        case 2: values.removeLast(4)
        case 3: values = values.indices.map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: generator.next())) }
        default: break
        }
        // What an honest BackNet made of some request, of this one or another.
        if generator.chance(2), let boundary = generator.pick(world.boundaries), boundary.count == 8 {
            let requestID = identifier()
            let result = try world.backNet(boundary)
            for _ in 0...generator.below(2) { world.send(.backNetResult([result]), to: slot, requestID: requestID) }
            return
        }
        let shape = values.count == 8 ? [1, 2, 2, 2] : [1, 2, 2, 1]
        let tensor = try Tensor(values, shape: shape)
        let tensors = generator.chance(5) ? [tensor, tensor] : generator.chance(9) ? [] : [tensor]
        world.send(.backNetResult(tensors), to: slot, requestID: identifier())
    }

    /// An answer of another request, of before, or with changed bytes.
    private mutating func deliver() {
        guard var answer = generator.pick(world.answers)?.bytes, let request = generator.pick(world.requests) else {
            return
        }
        switch generator.below(3) {
        case 0: answer[generator.below(answer.count)] ^= 1 << UInt8(generator.below(8))
        case 1: answer.removeLast(1 + generator.below(answer.count - 1))
        default: break
        }
        world.deliver(answer, to: request)
    }

    /// A message in which one part is not the owner's: the signer, the model key, or the run of the enclave.
    private mutating func forge(_ slot: World.Slot) throws {
        let clients = [ClientGrant(token: world.cast.tokens[0].digest)]
        let message: [UInt8]? =
            switch generator.below(4) {
            case 0:
                try world.makeProvisioning(for: slot, clients: clients, signedBy: MutantEnclave.Defence.anotherOwnerKey)
            case 1: try world.makeProvisioning(for: slot, clients: clients, modelKey: world.cast.otherKey)
            case 2:
                try world.makeProvisioning(for: slot, clients: clients, epoch: MutantEnclave.Defence.anotherEpoch.bytes)
            default:
                // Of another enclave that runs, if there is one.
                try world.makeProvisioning(
                    for: slot, clients: clients,
                    epoch: generator.pick(world.enclaves.map(\.epoch).filter { !$0.isEmpty }))
            }
        if message != nil { world.provision(slot, world.provisionings.count - 1) }
    }

    /// A sealed message with a changed byte, or cut short.
    private mutating func mutated(_ slot: World.Slot) {
        let isRequest = generator.chance(2)
        guard
            var bytes = isRequest
                ? generator.pick(world.requests)?.message : generator.pick(world.provisionings)?.message
        else { return }
        if generator.chance(3) {
            bytes.removeLast(1 + generator.below(bytes.count - 1))
        } else {
            bytes[generator.below(bytes.count)] ^= 1 << UInt8(generator.below(8))
        }
        world.send(
            isRequest ? .infer(message: bytes) : .provision(ciphertext: bytes), to: slot, requestID: identifier())
    }

    /// Evidence with a field of other evidence, or with a changed byte.
    private mutating func lie(_ slot: World.Slot) throws {
        let nonce = (0..<32).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        if generator.chance(3), let bundle = slot.bundle {
            let stated = world.evidence(of: slot)?.facts
            let hoped = try bundle.hopedFacts()
            guard stated != hoped, let document = try world.document(of: slot, nonce: nonce, facts: hoped) else {
                return
            }
            if try world.ask(document, nonce: nonce, pinned: bundle, token: world.cast.tokens[0]) {
                world.violate("a client accepted facts that the enclave does not state")
            }
            return
        }
        guard let fresh = try world.document(of: slot, nonce: nonce), let other = generator.pick(world.documents) else {
            return
        }
        func changed(_ bytes: [UInt8], _ replacement: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
            guard generator.chance(2), !bytes.isEmpty else { return replacement }
            var bytes = bytes
            bytes[generator.below(bytes.count)] ^= 1 << UInt8(generator.below(8))
            return bytes
        }
        var parts = [
            fresh.evidence, fresh.keyConfiguration, fresh.manifestCore, fresh.manifest, fresh.manifestSignature,
            fresh.facts, fresh.epoch,
        ]
        let others = [
            other.evidence, other.keyConfiguration, other.manifestCore, other.manifest, other.manifestSignature,
            other.facts, other.epoch,
        ]
        let index = generator.below(parts.count)
        let before = parts[index]
        parts[index] = changed(parts[index], others[index], &generator)
        guard parts[index] != before,
            let document = try? EvidenceDocument(
                tee: .development, nonce: nonce, evidence: parts[0], keyConfiguration: parts[1], manifestCore: parts[2],
                manifest: parts[3], manifestSignature: parts[4], facts: parts[5], epoch: parts[6])
        else { return }
        if try world.ask(document, nonce: nonce, pinned: nil, token: world.cast.tokens[0]) {
            world.violate("a client accepted evidence of which field \(index) was exchanged")
        }
    }
}
