// SPDX-License-Identifier: Apache-2.0
import EnclaveCore
import EnclaveFixtures
import SealedChannel
import Tensors
import Testing
import Wire

@Suite("Limits of the enclave")
struct LimitTests {
    private func infer(_ host: TestHost, requestID: UInt64) throws -> [Frame<EnclaveMessage>] {
        let request = try host.deployment.request(try Picture.floats(), for: host.evidence())
        return host.frames(for: .infer(message: request.message), requestID: requestID)
    }

    @Test(
        "At the limit of waiting requests the newest one is refused without using quota",
        arguments: [(2, 9), (9, 2)])
    func inFlight(enclave: Int, owner: UInt32) throws {
        let host = try TestHost.provisioned(
            limits: EnclaveLimits(requestsInFlight: enclave),
            terms: ServiceTerms(sequence: 1, leaseSeconds: 60, requestsInFlight: owner), requests: 3)
        #expect(try infer(host, requestID: 901).count == 1)
        #expect(try infer(host, requestID: 900).count == 1)
        let third = try host.deployment.request(try Picture.floats(), for: host.evidence())
        #expect(try host.refusal(of: .infer(message: third.message), requestID: 902) == .overloaded)
        #expect(host.intermediates == 2)
        #expect(try host.status().inFlight == 2)
        #expect(try host.refusal(of: .backNetFailure, requestID: 902) == .unknownRequest)
        #expect(try host.refusal(of: .backNetFailure, requestID: 901) == nil)
        // There is room again for the same message, which used no quota.
        #expect(try third.answer(try host.classify(third)).status == .answered)
    }

    @Test("A request that has waited ten minutes for the BackNet is refused under seal without another message")
    func oldRequests() throws {
        let host = try TestHost.provisioned()
        let request = try host.deployment.request(try Picture.floats(), for: host.evidence())
        guard case .intermediate = try host.send(.infer(message: request.message), requestID: 900) else {
            throw Unexpected("nothing came out")
        }
        #expect(host.advance(by: .seconds(599)).isEmpty)
        let frames = host.advance(by: .seconds(1))
        #expect(frames.map(\.requestID) == [900])
        guard case .answer(let bytes)? = frames.first?.message else { throw Unexpected("no answer") }
        #expect(try request.answer(bytes).status == .outsideFailed)
        #expect(try host.status().inFlight == 0)
    }

    @Test("Each client has its own quota in a lease, and requests of unlisted clients use none")
    func requestsInLease() throws {
        let host = try TestHost.provisioned(requests: 2)
        let other = AccessToken.random()
        let clients = [
            ClientGrant(token: host.deployment.token.digest, requests: 2),
            ClientGrant(token: other.digest, requests: 1),
        ]
        #expect(try host.provision(clients: clients, terms: ServiceTerms(sequence: 2, leaseSeconds: 60)) == nil)
        func status(_ token: AccessToken?) throws -> AnswerStatus {
            let request = try host.deployment.request(try Picture.floats(), for: host.evidence(), token: token)
            return try request.answer(try host.classify(request)).status
        }
        for _ in 0..<3 { #expect(try status(.random()) == .unknownToken) }
        #expect(try status(nil) == .answered)
        #expect(try status(nil) == .answered)
        #expect(try status(nil) == .overLimit)
        #expect(try status(other) == .answered)
        #expect(try status(other) == .overLimit)
        #expect(host.intermediates == 3)
    }

    @Test("A client may send a minute's allowance of requests at once, and then as many as time refills")
    func requestsPerMinute() throws {
        let host = try TestHost.provisioned()
        let client = ClientGrant(token: host.deployment.token.digest, requests: 100, requestsPerMinute: 3)
        #expect(try host.provision(clients: [client], terms: ServiceTerms(sequence: 2, leaseSeconds: 3600)) == nil)
        func status() throws -> AnswerStatus {
            let request = try host.deployment.request(try Picture.floats(), for: host.evidence())
            return try request.answer(try host.classify(request)).status
        }
        for _ in 0..<3 { #expect(try status() == .answered) }
        #expect(try status() == .tooManyRequests)
        _ = host.advance(by: .seconds(19))
        #expect(try status() == .tooManyRequests)
        _ = host.advance(by: .seconds(1))
        #expect(try status() == .answered)
        #expect(try status() == .tooManyRequests)
        // No more is saved up than a minute's worth.
        _ = host.advance(by: .seconds(600))
        for _ in 0..<3 { #expect(try status() == .answered) }
        #expect(try status() == .tooManyRequests)
    }

    @Test("Keys are replaced after an hour; the old keys open requests for one more minute")
    func keysAge() throws {
        let host = try TestHost.provisioned(terms: ServiceTerms(sequence: 1, leaseSeconds: 86_400))
        let deployment = host.deployment
        let before = try host.evidence()
        let old = try (0..<4).map { _ in try deployment.request(try Picture.floats(), for: before) }
        #expect(host.timeToNextChange == .seconds(3600))
        _ = host.advance(by: .seconds(3599))
        #expect(try host.evidence().keyConfiguration == before.keyConfiguration)
        #expect(try old[0].answer(try host.classify(old[0])).status == .answered)
        _ = host.advance(by: .seconds(1))
        let after = try host.evidence()
        #expect(after.keyConfiguration != before.keyConfiguration)
        #expect(after.epoch == before.epoch)
        #expect(host.timeToNextChange == .seconds(60))
        // Under way when the keys changed; a replay across the change stays one.
        #expect(try old[1].answer(try host.classify(old[1])).status == .answered)
        #expect(try host.refusal(of: .infer(message: old[0].message)) == .replayed)
        #expect(try host.refusal(of: .infer(message: old[1].message)) == .replayed)
        _ = host.advance(by: .seconds(60))
        #expect(try host.refusal(of: .infer(message: old[2].message)) == .unknownKey)
        #expect(try host.refusal(of: .infer(message: old[0].message)) == .unknownKey)
        #expect(try host.answersGoodRequest())
        #expect(try host.status().keyGeneration == 2)
    }

    @Test("A request held back while the service was idle does not open after its keys expired")
    func quietService() throws {
        let host = try TestHost.provisioned(terms: ServiceTerms(sequence: 1, leaseSeconds: 604_800))
        let request = try host.deployment.request(try Picture.floats(), for: host.evidence())
        // The process slept, and no timer ran.
        host.clock.advance(by: .seconds(3 * 3600))
        #expect(try host.refusal(of: .infer(message: request.message)) == .unknownKey)
        #expect(host.intermediates == 0)
    }

    @Test("Keys are replaced after a number of requests, and the grace period of the old ones ends as well")
    func wornKeys() throws {
        let host = try TestHost.provisioned(limits: EnclaveLimits(requestsPerKey: 3))
        let deployment = host.deployment
        let before = try host.evidence()
        let old = try (0..<6).map { _ in try deployment.request(try Picture.floats(), for: before) }
        for request in old.prefix(2) { #expect(try request.answer(try host.classify(request)).status == .answered) }
        // The third waits for the BackNet while the keys change.
        guard case .intermediate(let tensors) = try host.send(.infer(message: old[2].message), requestID: 700) else {
            throw Unexpected("nothing came out")
        }
        #expect(try old[3].answer(try host.classify(old[3])).status == .answered)
        #expect(try host.refusal(of: .infer(message: old[0].message)) == .replayed)
        #expect(try host.status().keyGeneration == 2)
        let after = try host.evidence()
        #expect(after.keyConfiguration != before.keyConfiguration)
        guard
            case .answer(let bytes) = try host.send(.backNetResult([try TestHost.backNet(tensors)]), requestID: 700)
        else { throw Unexpected("no answer") }
        #expect(try old[2].answer(bytes).status == .answered)
        _ = host.advance(by: .seconds(60))
        #expect(try host.refusal(of: .infer(message: old[4].message)) == .unknownKey)
        let request = try deployment.request(try Picture.floats(), for: after)
        #expect(try request.answer(try host.classify(request)).status == .answered)
    }

    @Test("All key identifiers belong to the enclave's slot, and no two valid keys share an identifier")
    func keySlots() throws {
        let host = try TestHost(try Deployment(TinyModel(isAllInside: false)), limits: EnclaveLimits(requestsPerKey: 1))
        let slot = try #require(KeySlot(11))
        // Any slot may be named as long as there is no bundle; the last one counts.
        for slot in KeySlot.all + [slot] { #expect(try host.refusal(of: .keySlot(slot)) == nil) }
        try host.load()
        let client = ClientGrant(token: host.deployment.token.digest, requests: 1000)
        #expect(
            try host.provision(clients: [client], terms: ServiceTerms(sequence: 1, leaseSeconds: 86_400)) == nil)
        var generations: [[UInt8]] = []
        for _ in 0..<40 {
            let configuration = try host.evidence().keyConfiguration
            let keys = try KeyConfiguration.parseList(configuration.span.bytes)
            generations.append(keys.map(\.keyIdentifier))
            #expect(keys.count == 2 && keys.allSatisfy { slot.identifiers.contains($0.keyIdentifier) })
            // Replaced keys still open requests for a minute: the current keys and six earlier ones.
            let known = generations.suffix(7).flatMap { $0 }
            #expect(Set(known).count == known.count, "\(generations.suffix(7))")
            #expect(try host.answersGoodRequest())
        }
        #expect(try host.status().keyGeneration > 30)
    }

    @Test("A replay is detected for as long as its key is valid")
    func replaysOverManyRequests() throws {
        let host = try TestHost.provisioned(
            TinyModel(isAllInside: true))
        let evidence = try host.evidence()
        let requests = try (0..<200).map { _ in
            try host.deployment.request(try Picture.floats(), for: evidence, kem: .x25519)
        }
        for request in requests { #expect(try host.refusal(of: .infer(message: request.message)) == nil) }
        for request in requests { #expect(try host.refusal(of: .infer(message: request.message)) == .replayed) }
    }

    @Test("No tensor is accepted before provisioning, and afterwards only the size of the BackNet's results")
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
