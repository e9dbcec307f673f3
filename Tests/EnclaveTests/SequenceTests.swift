// SPDX-License-Identifier: Apache-2.0
import EnclaveCore
import EnclaveFixtures
import SealedChannel
import Tensors
import Testing
import Wire

@Suite("Random sequences of messages")
struct SequenceTests {
    /// A message that may or may not make sense now.
    private func message(
        _ host: TestHost, _ load: [HostMessage], _ seen: [UInt8]?, using generator: inout SeededGenerator
    ) throws -> HostMessage {
        let deployment = host.deployment
        func flipped(_ bytes: [UInt8]) -> [UInt8] {
            guard generator.next() % 3 == 0, !bytes.isEmpty else { return bytes }
            var bytes = bytes
            bytes[Int(generator.next() % UInt64(bytes.count))] ^= 1 << (generator.next() % 8)
            return bytes
        }
        switch generator.next() % 12 {
        case 0: return .hello(versions: 1...(1 + UInt16(generator.next() % 4)))
        case 1, 2: return load[Int(generator.next() % UInt64(load.count))]
        case 3: return .evidence(nonce: [UInt8](repeating: 1, count: Int(generator.next() % 70)))
        case 4:
            guard let evidence = try? host.evidence() else { return .provision(ciphertext: [1, 2, 3]) }
            return .provision(ciphertext: flipped(try deployment.provisioning(for: evidence)))
        case 5, 6, 7:
            if let seen, generator.next() % 4 == 0 { return .infer(message: seen) }
            guard let evidence = try? host.evidence() else { return .infer(message: [1]) }
            let token = generator.next() % 4 == 0 ? AccessToken.random() : nil
            return .infer(
                message: flipped(try deployment.request(try Picture.bytes(), for: evidence, token: token).message))
        case 8:
            let count = Int(generator.next() % 10)
            return .backNetResult([try Tensor([Float](repeating: 1, count: count), shape: [count])])
        case 9: return .backNetResult([try Tensor([Float](repeating: 1, count: 8), shape: [1, 2, 2, 2])])
        case 10: return generator.next() % 2 == 0 ? .backNetFailure : .cancel
        default: return .status
        }
    }

    @Test("Every message has one reply, states never go back, and answers have one length", arguments: 0..<40)
    func randomSequence(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let limits = EnclaveLimits(requestsInFlight: 3, requestsPerKey: 6)
        // Half of the sequences begin with a service that runs.
        let host =
            seed % 2 == 0
            ? try TestHost.provisioned(limits: limits) : try TestHost(try Deployment(), limits: limits)
        let load = try host.deployment.load(chunkBytes: 1 << 20)
        var lengths: Set<Int> = []
        var seen: [UInt8]?
        var state = try host.status().state
        for step in 0..<60 {
            let message = try message(host, load, seen, using: &generator)
            if case .infer(let bytes) = message { seen = bytes }
            // Few identifiers, so that results meet requests and requests each other.
            let requestID = generator.next() % 6
            let frames = host.frames(for: message, requestID: requestID)
            #expect(frames.map(\.requestID) == [requestID], "seed \(seed), step \(step)")
            if case .answer(let bytes)? = frames.last?.message { lengths.insert(bytes.count) }
            let status = try host.status()
            #expect(status.state.rawValue >= state.rawValue)
            #expect(status.inFlight <= 3)
            state = status.state
        }
        #expect(lengths.count <= 1, "seed \(seed)")
    }
}
