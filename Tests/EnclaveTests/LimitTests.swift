import EnclaveCore
import SealedChannel
import Tensors
import Testing
import Wire

@Suite("Bounds of the enclave")
struct LimitTests {
    private func infer(_ host: TestHost, requestID: UInt64) throws -> [Frame<EnclaveMessage>] {
        let request = try host.deployment.request(try Picture.floats(), for: host.evidence())
        return host.frames(for: .infer(message: request.message), requestID: requestID)
    }

    @Test(
        "The oldest request goes when one more waits than the owner or the enclave allows", arguments: [(2, 9), (9, 2)])
    func inFlight(enclave: Int, owner: UInt32) throws {
        let host = try TestHost.provisioned(
            limits: EnclaveLimits(requestsInFlight: enclave),
            granted: ServiceLimits(requestsInFlight: owner, requestsInEpoch: 1000))
        #expect(try infer(host, requestID: 901).count == 1)
        #expect(try infer(host, requestID: 900).count == 1)
        let frames = try infer(host, requestID: 902)
        #expect(frames.map(\.requestID) == [901, 902])
        guard case .refused(.overloaded) = frames[0].message, case .intermediate = frames[1].message else {
            Issue.record("another reply")
            return
        }
        #expect(try host.refusal(of: .backNetFailure, requestID: 901) == .unknownRequest)
        #expect(try host.refusal(of: .backNetFailure, requestID: 900) == nil)
        #expect(try host.status().inFlight == 1)
    }

    @Test("The owner's limit of requests holds for listed clients, and only they use it up")
    func requestsInEpoch() throws {
        let host = try TestHost.provisioned(granted: ServiceLimits(requestsInFlight: 8, requestsInEpoch: 2))
        for _ in 0..<3 {
            let request = try host.deployment.request(try Picture.floats(), for: host.evidence(), token: .random())
            #expect(try request.answer(try host.classify(request)).status == .unknownToken)
        }
        #expect(try host.answersGoodRequest())
        #expect(try host.answersGoodRequest())
        let request = try host.deployment.request(try Picture.floats(), for: host.evidence())
        #expect(try request.answer(try host.classify(request)).status == .overLimit)
        #expect(host.intermediates == 2)
    }

    @Test("After a number of requests there are new keys, under which old requests are unknown")
    func renewedKeys() throws {
        let host = try TestHost.provisioned(limits: EnclaveLimits(requestsPerKey: 3))
        let deployment = host.deployment
        let before = try host.evidence()
        let old = try (0..<5).map { _ in try deployment.request(try Picture.floats(), for: before) }
        for request in old.prefix(2) { #expect(try request.answer(try host.classify(request)).status == .answered) }
        // The third waits for the BackNet while the keys change.
        guard case .intermediate(let tensors) = try host.send(.infer(message: old[2].message), requestID: 700) else {
            throw Unexpected("nothing came out")
        }
        #expect(try host.refusal(of: .infer(message: old[3].message)) == .unknownKey)
        #expect(try host.refusal(of: .infer(message: old[0].message)) == .unknownKey)
        #expect(try host.status().keyGeneration == 2)
        let after = try host.evidence()
        #expect(after.keyConfiguration != before.keyConfiguration)
        #expect(after.epoch == before.epoch)
        guard
            case .answer(let bytes) = try host.send(.backNetResult([try TestHost.backNet(tensors)]), requestID: 700)
        else { throw Unexpected("no answer") }
        #expect(try old[2].answer(bytes).status == .answered)
        let request = try deployment.request(try Picture.floats(), for: after)
        #expect(try request.answer(try host.classify(request)).status == .answered)
        // The owner's message may be repeated to the new keys.
        #expect(try host.refusal(of: .provision(ciphertext: try deployment.provisioning(for: after))) == nil)
        #expect(
            try host.refusal(of: .provision(ciphertext: try deployment.provisioning(for: after, tokens: [])))
                == .alreadyProvisioned)
    }

    @Test("A replay is known as long as its key is")
    func replaysOverManyRequests() throws {
        let host = try TestHost.provisioned(
            TinyModel(isAllInside: true), granted: ServiceLimits(requestsInFlight: 8, requestsInEpoch: 1 << 20))
        let evidence = try host.evidence()
        let requests = try (0..<200).map { _ in
            try host.deployment.request(try Picture.floats(), for: evidence, kem: .x25519)
        }
        for request in requests { #expect(try host.refusal(of: .infer(message: request.message)) == nil) }
        for request in requests { #expect(try host.refusal(of: .infer(message: request.message)) == .replayed) }
    }

    @Test("No tensor is taken before provisioning, and afterwards as many bytes as the BackNet's results have")
    func frameLimits() throws {
        let host = try TestHost(try Deployment())
        #expect(host.frameLimits.tensorBytes == 0)
        let provisioned = try TestHost.provisioned()
        let result = OutgoingFrame(
            HostMessage.backNetResult([try Tensor([Float](repeating: 0, count: 8), shape: [1, 2, 2, 2])]), requestID: 1)
        #expect(provisioned.frameLimits.tensorBytes >= result.bytes.count - FrameHeader.byteCount)
        #expect(provisioned.frameLimits.tensorBytes < 1000)
        #expect(provisioned.frameLimits.messageBytes == FrameLimits.maximumMessageBytes)
    }
}
