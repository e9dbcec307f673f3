// SPDX-License-Identifier: Apache-2.0
import EnclaveCore
import EnclaveFixtures
import Inference
import SealedChannel
import SecretMemory
import Tensors
import TestSupport
import Testing
import Wire

/// A provisioned enclave; no other object holds its model.
private final class LeasedEnclave {
    private let clock = TestClock()
    private var enclave: Enclave
    private let workers: Int

    init(_ weights: MemoryPattern, _ key: MemoryPattern, workers: Int) throws {
        self.workers = workers
        enclave = try Enclave(
            evidenceSource: EchoEvidence(), clock: clock.clock, workers: InferenceWorkers(count: workers))
        let deployment = try Self.deployment(weights, key)
        for message in try deployment.load() { _ = enclave.handle(message, requestID: 1) }
        let message = try deployment.provisioning(for: evidence())
        guard case .provisioned? = enclave.handle(.provision(ciphertext: message), requestID: 1).last?.message else {
            throw Unexpected("not provisioned")
        }
        let evidence = try evidence()
        for worker in 0..<workers {
            let request = try deployment.request(try Picture.floats(), for: evidence)
            let step = enclave.take(.infer(message: request.message), requestID: UInt64(worker))
            guard let computation = step.computation,
                case .answer(let bytes)? = enclave.finish(computation.run(worker: worker)).last?.message,
                try request.answer(bytes).status == .answered
            else { throw Unexpected("no answer") }
        }
    }

    private func evidence() throws -> EnclaveEvidence {
        guard
            case .evidence(let evidence)? = enclave.handle(
                .evidence(nonce: [UInt8](repeating: 1, count: 32)), requestID: 1
            ).last?.message
        else { throw Unexpected("no evidence") }
        return evidence
    }

    /// The owner's own copies are wiped as they go.
    private static func deployment(_ weights: MemoryPattern, _ key: MemoryPattern) throws -> Deployment {
        var model = TinyModel(isAllInside: true)
        model.addend = Tensor(
            type: TensorType(.float32, try Shape([1, 2, 2, 2])), allocator: .wiping
        ) { target in
            // Numbers of 1 to 2: the last byte of each is 0x3F, the one before it has its first bit set.
            for index in target.indices { target[index] = number(weights, index) }
        }
        let bytes = SecretBytes(count: ModelKey.byteCount) { target in
            for index in target.indices { target[index] = key.byte(index) }
        }
        guard let key = ModelKey(bytes: bytes.bytes) else { throw Unexpected("no key") }
        return try Deployment(model, modelKey: key)
    }

    static func number(_ pattern: MemoryPattern, _ index: Int) -> UInt8 {
        switch index % 4 {
        case 2: pattern.byte(index) | 0x80
        case 3: 0x3F
        default: pattern.byte(index)
        }
    }

    func endLease() throws {
        clock.advance(by: .seconds(Deployment.terms.leaseSeconds))
        _ = enclave.advance()
        guard case .status(let status)? = enclave.handle(.status, requestID: 1).last?.message,
            status.state == .leaseEnded
        else { throw Unexpected("the lease goes on") }
    }
}

@Suite("Secrets in memory after a lease")
struct LeftoverTests {
    /// What the first channel of the addend has, and what both channels have of the first pixel: the engine keeps channels
    /// apart, or pixels.
    private static func weights(_ pattern: MemoryPattern) -> Int {
        pattern.occurrences(start: 0, count: 16, byte: LeasedEnclave.number)
            + pattern.occurrences(start: 0, count: 8) { LeasedEnclave.number($0, $1 < 4 ? $1 : $1 + 12) }
    }

    @Test("During a lease the weights and the model key are in memory, and after it neither is")
    func oneWorker() async {
        await #expect(processExitsWith: .success) { try LeftoverTests.expectWiped(workers: 1) }
    }

    @Test("After a lease with several workers, neither weights nor model key are in memory")
    func twoWorkers() async {
        await #expect(processExitsWith: .success) { try LeftoverTests.expectWiped(workers: 2) }
    }

    private static func expectWiped(workers: Int) throws {
        let (pattern, key) = (MemoryPattern(), MemoryPattern())
        #expect(weights(pattern) == 0 && key.occurrences(start: 0, count: ModelKey.byteCount) == 0)
        let enclave = try LeasedEnclave(pattern, key, workers: workers)
        #expect(weights(pattern) >= 1)
        #expect(key.occurrences(start: 0, count: ModelKey.byteCount) >= 1)
        try enclave.endLease()
        #expect(weights(pattern) == 0)
        #expect(key.occurrences(start: 0, count: ModelKey.byteCount) == 0)
    }
}
