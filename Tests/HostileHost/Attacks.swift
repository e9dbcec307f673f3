// SPDX-License-Identifier: Apache-2.0
import EnclaveFixtures
import Evidence
import MutantEnclave
import SealedChannel
import Tensors
import Wire

/// The attack that each defence stops. Each runs against the released enclave, where it must fail, and against one
/// without the defence, where it must succeed, which shows that the driver detects it.
enum Attacks {
    static func play(_ defence: MutantEnclave.Defence, in world: World) throws {
        let cast = world.cast
        let slot = world.enclaves[0]
        let client = ClientGrant(token: cast.tokens[0].digest, requests: 5)
        func load(_ messages: [HostMessage], as bundle: Deployment) {
            for message in messages { world.send(message, to: slot) }
            slot.bundle = bundle
        }
        func provision(_ clients: [ClientGrant]? = nil, leaseSeconds: UInt32 = 600) throws {
            guard try world.makeProvisioning(for: slot, clients: clients ?? [client], leaseSeconds: leaseSeconds) != nil
            else { return }
            world.provision(slot, world.provisionings.count - 1)
        }
        func request(_ token: AccessToken? = nil, pinned: Deployment?, floats: Bool = false) throws {
            let nonce = [UInt8](repeating: UInt8(world.requests.count), count: 32)
            guard let document = try world.document(of: slot, nonce: nonce) else { return }
            try world.ask(document, nonce: nonce, pinned: pinned, token: token ?? cast.tokens[0], floats: floats)
        }
        func infer(_ index: Int, _ requestID: UInt64 = 1) {
            guard world.requests.indices.contains(index) else { return }
            let request = world.requests[index]
            world.send(.infer(message: request.message), to: slot, requestID: requestID, for: request)
        }
        func serve(_ bundle: Deployment) throws {
            load(try bundle.load(), as: bundle)
            try provision()
        }

        switch defence {
        case .partDigest:
            load(cast.swapped, as: cast.honest)
            try provision()
            try request(pinned: cast.honest)
            infer(0)
        case .facts:
            load(try cast.traps[0].load(), as: cast.traps[0])
            try provision()
            try request(pinned: nil)
            infer(0)
        case .replay:
            try serve(cast.cut)
            try request(pinned: cast.cut)
            infer(0, 1)
            infer(0, 2)
        case .clientList:
            try serve(cast.honest)
            try request(cast.stranger, pinned: cast.honest)
            infer(0)
        case .quota:
            try serve(cast.honest)
            for index in 0..<7 {
                try request(pinned: cast.honest)
                infer(index)
            }
        case .lease:
            try serve(cast.honest)
            try request(pinned: cast.honest)
            world.advance(by: .seconds(601))
            infer(0)
        case .keyAge:
            load(try cast.honest.load(), as: cast.honest)
            try provision(leaseSeconds: 86_400)
            try request(pinned: cast.honest)
            world.advance(by: .seconds(7200))
            infer(0)
        case .renewedKeys:
            try serve(cast.cut)
            try request(cast.stranger, pinned: cast.cut)
            // The client is refused and stops. Then the owner lists it, and the host sends the old message again.
            infer(0)
            try provision([ClientGrant(token: cast.stranger.digest)])
            infer(0, 2)
        case .sequence:
            load(try cast.honest.load(), as: cast.honest)
            // The owner lists a client, then removes it; the host delivers the messages in the opposite order.
            for token in cast.tokens.prefix(2) {
                _ = try world.makeProvisioning(for: slot, clients: [ClientGrant(token: token.digest)])
            }
            world.provision(slot, 1)
            world.provision(slot, 0)
        case .provisioningEpoch:
            load(try cast.honest.load(), as: cast.honest)
            _ = try world.makeProvisioning(
                for: slot, clients: [client], epoch: MutantEnclave.Defence.anotherEpoch.bytes)
            world.provision(slot, 0)
        case .provisioningOwner:
            load(try cast.honest.load(), as: cast.honest)
            _ = try world.makeProvisioning(
                for: slot, clients: [client], signedBy: MutantEnclave.Defence.anotherOwnerKey)
            world.provision(slot, 0)
        case .renewalKey:
            try serve(cast.honest)
            _ = try world.makeProvisioning(for: slot, clients: [client], modelKey: .random())
            world.provision(slot, 1)
        case .statedFacts:
            load(try cast.honest.load(), as: cast.honest)
            // Nobody has provisioned it, and the host says that its owner did.
            let nonce = [UInt8](repeating: 9, count: 32)
            guard let document = try world.document(of: slot, nonce: nonce, facts: try cast.honest.hopedFacts()) else {
                return
            }
            try world.ask(document, nonce: nonce, pinned: cast.honest, token: cast.tokens[0])
        case .resultOnce:
            try serve(cast.cut)
            try request(pinned: cast.cut)
            infer(0)
            guard let boundary = world.boundaries.first else { return }
            let result = try world.backNet(boundary)
            for _ in 0..<2 { world.send(.backNetResult([result]), to: slot) }
        case .answerSize:
            try serve(cast.honest)
            for token in [cast.tokens[0], cast.stranger] { try request(token, pinned: cast.honest) }
            infer(0)
            infer(1)
        case .pixelsOnly:
            try serve(cast.honest)
            try request(pinned: cast.honest, floats: true)
            // The mutant states the truth, and the client would not accept it: the host asks for itself.
            if world.requests.isEmpty, let evidence = world.evidence(of: slot) {
                try world.seal(
                    for: evidence.keyConfiguration, bundle: cast.honest, token: cast.tokens[0], floats: true)
            }
            infer(0)
        case .abandonment:
            try serve(cast.cut)
            try request(pinned: cast.cut)
            guard let request = world.requests.first else { return }
            world.begin(request, at: slot, requestID: 1)
            // The lease ends while it is computed, and its client is told so.
            world.advance(by: .seconds(601))
            world.finish(0, of: slot)
        case .requestsInFlight:
            try serve(cast.cut)
            for index in 0..<5 {
                try request(pinned: cast.cut)
                infer(index, UInt64(index))
            }
        }
    }
}
