// SPDX-License-Identifier: Apache-2.0
import EnclaveCore
import EnclaveFixtures
import Evidence
import ModelGraph
import SealedChannel
import Tensors
import Testing
import Wire

@Suite("Provisioning")
struct ProvisioningTests {
    private func loaded(_ model: TinyModel = TinyModel(isAllInside: false)) throws -> TestHost {
        let host = try TestHost(try Deployment(model))
        try host.load()
        return host
    }

    private func expectRefusal(
        _ code: EnclaveErrorCode, _ host: TestHost, _ message: [UInt8], _ what: Comment
    ) throws {
        #expect(try host.refusal(of: .provision(ciphertext: message)) == code, what)
        #expect(try host.status().state == .awaitingOwner, what)
    }

    @Test(
        "Messages for another owner, epoch, manifest, enclave or model key are refused; then the right one is accepted")
    func wrongMessages() throws {
        let host = try loaded()
        let deployment = host.deployment
        let evidence = try host.evidence()
        let message = try deployment.provisioning(for: evidence)
        try expectRefusal(
            .ownerUnauthorized, host, try deployment.provisioning(for: evidence, signedBy: .random()), "owner")
        try expectRefusal(
            .wrongEpoch, host,
            try deployment.provisioning(for: evidence, epoch: [UInt8](repeating: 0, count: 16)), "epoch")
        try expectRefusal(
            .wrongManifest, host,
            try deployment.provisioning(for: evidence, manifestDigest: ContentDigest(of: [1])), "manifest")
        try expectRefusal(
            .frontNetRefused, host, try deployment.provisioning(for: evidence, modelKey: .random()), "model key")
        let elsewhere = try TestHost(deployment)
        try elsewhere.load()
        let foreign = try host.refusal(
            of: .provision(ciphertext: try deployment.provisioning(for: try elsewhere.evidence())))
        #expect(foreign == .unknownKey || foreign == .undecipherable)
        try expectRefusal(.malformed, host, [], "nothing")
        for count in [1, 6, 7, 500, message.count - 1] {
            let code = try host.refusal(of: .provision(ciphertext: Array(message.prefix(count))))
            #expect(code == .malformed || code == .undecipherable, "cut to \(count)")
        }
        for position in stride(from: 7, to: message.count, by: 97) {
            var flipped = message
            flipped[position] ^= 0x10
            try expectRefusal(.undecipherable, host, flipped, "byte \(position)")
        }
        #expect(try host.refusal(of: .provision(ciphertext: message)) == nil)
        #expect(try host.status().state == .provisioned)
        #expect(try host.answersGoodRequest())
    }

    private static func terms(_ sequence: UInt64, lease: UInt32 = 3600, inFlight: UInt32 = 8) -> ServiceTerms {
        ServiceTerms(sequence: sequence, leaseSeconds: lease, requestsInFlight: inFlight)
    }

    @Test("A message with a higher sequence number replaces clients and limits; an equal or lower one is refused")
    func renewal() throws {
        let host = try TestHost.provisioned(terms: Self.terms(5))
        let second = AccessToken.random()
        #expect(try host.provision(terms: Self.terms(5)) == .staleSequence)
        #expect(try host.provision(terms: Self.terms(4)) == .staleSequence)
        #expect(try host.answersGoodRequest())
        // The first client is removed from the list.
        #expect(try host.provision(clients: [ClientGrant(token: second.digest)], terms: Self.terms(6)) == nil)
        let evidence = try host.evidence()
        let old = try host.deployment.request(try Picture.floats(), for: evidence)
        #expect(try old.answer(try host.classify(old)).status == .unknownToken)
        let new = try host.deployment.request(try Picture.floats(), for: evidence, token: second)
        #expect(try new.answer(try host.classify(new)).status == .answered)
        // The message that the host kept does not bring the first client back.
        #expect(try host.provision(terms: Self.terms(5)) == .staleSequence)
        #expect(try host.provision(terms: Self.terms(.max)) == nil)
        #expect(try host.provision(terms: Self.terms(.max)) == .staleSequence)
        #expect(try host.answersGoodRequest())
    }

    @Test("A renewal with another model key, owner, epoch or manifest is refused and changes nothing")
    func wrongRenewal() throws {
        let host = try TestHost.provisioned(terms: Self.terms(1))
        let (deployment, evidence) = (host.deployment, try host.evidence())
        func refusal(_ message: [UInt8]) throws -> EnclaveErrorCode? {
            try host.refusal(of: .provision(ciphertext: message))
        }
        let terms = Self.terms(9)
        #expect(
            try refusal(deployment.provisioning(for: evidence, modelKey: .random(), terms: terms)) == .frontNetRefused)
        #expect(
            try refusal(deployment.provisioning(for: evidence, signedBy: .random(), terms: terms)) == .ownerUnauthorized
        )
        let zeros = [UInt8](repeating: 0, count: 16)
        #expect(try refusal(deployment.provisioning(for: evidence, epoch: zeros, terms: terms)) == .wrongEpoch)
        let other = ContentDigest(of: zeros)
        #expect(
            try refusal(deployment.provisioning(for: evidence, manifestDigest: other, terms: terms)) == .wrongManifest)
        #expect(try host.provision(terms: Self.terms(2)) == nil)
        #expect(try host.answersGoodRequest())
    }

    @Test("When the lease ends the enclave refuses under seal, its evidence says so, and a new message starts it again")
    func leaseEnd() throws {
        let host = try TestHost.provisioned(terms: Self.terms(1, lease: 100))
        let waiting = try host.deployment.request(try Picture.floats(), for: host.evidence())
        guard case .intermediate(let tensors) = try host.send(.infer(message: waiting.message), requestID: 900) else {
            throw Unexpected("nothing came out")
        }
        let answered = try host.deployment.request(try Picture.floats(), for: host.evidence())
        let size = try host.classify(answered).count
        #expect(host.timeToNextChange == .seconds(100))
        #expect(host.advance(by: .seconds(99)).isEmpty)
        #expect(try host.status().state == .provisioned)
        guard case .provisioned(let lease, _) = try host.evidence().decodedFacts().state else {
            throw Unexpected("not provisioned")
        }
        #expect(lease == EnclaveFacts.Lease(sequence: 1, seconds: 100, secondsLeft: 1))

        // The request under way is refused, too.
        let frames = host.advance(by: .seconds(1))
        #expect(frames.map(\.requestID) == [900])
        guard case .answer(let refusal)? = frames.first?.message else { throw Unexpected("no answer") }
        #expect(try waiting.answer(refusal).status == .leaseEnded)
        #expect(
            try host.refusal(of: .backNetResult([try TestHost.backNet(tensors)]), requestID: 900) == .unknownRequest)
        #expect(try host.status().state == .leaseEnded)
        #expect(try host.evidence().decodedFacts().state == .leaseEnded)
        let late = try host.deployment.request(try Picture.floats(), for: host.evidence())
        let answer = try host.classify(late)
        #expect(answer.count == size)
        #expect(try late.answer(answer).status == .leaseEnded)
        let stranger = try host.deployment.request(try Picture.floats(), for: host.evidence(), token: .random())
        #expect(try stranger.answer(try host.classify(stranger)).status == .leaseEnded)

        // The owner comes again; the parts have gone with the model.
        #expect(try host.provision(terms: Self.terms(1)) == .staleSequence)
        #expect(try host.provision(terms: Self.terms(2)) == .bundleMissing)
        for message in host.deployment.loadParts() { #expect(try host.refusal(of: message) == nil) }
        #expect(try host.provision(terms: Self.terms(2)) == nil)
        #expect(try host.status().state == .provisioned)
        #expect(try host.answersGoodRequest())
    }

    @Test(
        "A request that arrives after the lease has ended is refused as such, even if no timer has run"
    )
    func unnoticedLeaseEnd() throws {
        let host = try TestHost.provisioned(terms: Self.terms(1, lease: 10))
        let request = try host.deployment.request(try Picture.floats(), for: host.evidence())
        host.clock.advance(by: .seconds(10))
        guard case .answer(let bytes) = try host.send(.infer(message: request.message)) else {
            throw Unexpected("no answer")
        }
        #expect(try request.answer(bytes).status == .leaseEnded)
        #expect(host.intermediates == 0)
    }

    @Test("A request refused under one client list does not open under the next")
    func refusedBefore() throws {
        let host = try TestHost.provisioned(terms: Self.terms(1, lease: 100))
        let newcomer = AccessToken.random()
        let grants = [ClientGrant(token: newcomer.digest)]
        let early = try host.deployment.request(try Picture.floats(), for: host.evidence(), token: newcomer)
        #expect(try early.answer(try host.classify(early)).status == .unknownToken)
        #expect(try host.provision(clients: grants, terms: Self.terms(2, lease: 100)) == nil)
        #expect(try host.refusal(of: .infer(message: early.message)) == .unknownKey)
        let fresh = try host.deployment.request(try Picture.floats(), for: host.evidence(), token: newcomer)
        #expect(try fresh.answer(try host.classify(fresh)).status == .answered)
        // The same where the lease had ended.
        _ = host.advance(by: .seconds(100))
        let late = try host.deployment.request(try Picture.floats(), for: host.evidence(), token: newcomer)
        #expect(try late.answer(try host.classify(late)).status == .leaseEnded)
        for message in host.deployment.loadParts() { _ = try host.send(message) }
        #expect(try host.provision(clients: grants, terms: Self.terms(3)) == nil)
        #expect(try host.refusal(of: .infer(message: late.message)) == .unknownKey)
        #expect(host.intermediates == 1)
    }

    @Test("Evidence and provisioning have the same maximum lease")
    func longestLease() { #expect(EnclaveFacts.Lease.maximumSeconds == ServiceTerms.maximumLeaseSeconds) }

    @Test("A renewal during the lease restarts it, and grants new quotas")
    func renewedLease() throws {
        let host = try TestHost.provisioned(terms: Self.terms(1, lease: 100), requests: 1)
        #expect(try host.answersGoodRequest())
        #expect(try !host.answersGoodRequest())
        _ = host.advance(by: .seconds(90))
        let client = ClientGrant(token: host.deployment.token.digest, requests: 1)
        #expect(try host.provision(clients: [client], terms: Self.terms(2, lease: 100)) == nil)
        _ = host.advance(by: .seconds(90))
        #expect(try host.answersGoodRequest())
        #expect(try host.status().state == .provisioned)
    }

    @Test("Parts that are swapped, altered, truncated or of another bundle are refused on arrival")
    func damagedParts() throws {
        let deployment = try Deployment()
        let other = try Deployment()
        func refusal(_ name: SealedPartName, _ bytes: [UInt8]) throws -> EnclaveErrorCode? {
            let host = try TestHost(deployment)
            _ = try host.send(try deployment.loadManifest())
            return try host.refusal(
                of: .loadPart(name, totalBytes: UInt64(bytes.count), offset: 0, bytes: bytes))
        }
        #expect(try refusal(.frontNet, deployment.frontNet) == nil)
        #expect(try refusal(.frontNet, deployment.mappingUnit) == .partRefused)
        #expect(try refusal(.mappingUnit, deployment.frontNet) == .partRefused)
        #expect(try refusal(.frontNet, other.frontNet) == .partRefused)
        #expect(try refusal(.mappingUnit, other.mappingUnit) == .partRefused)
        #expect(try refusal(.frontNet, deployment.frontNet.dropLast()) == .partRefused)
        #expect(try refusal(.frontNet, deployment.frontNet + [0]) == .partRefused)
        for position in stride(from: 0, to: deployment.mappingUnit.count, by: 61) {
            var flipped = deployment.mappingUnit
            flipped[position] ^= 1
            #expect(try refusal(.mappingUnit, flipped) == .partRefused, "byte \(position)")
        }
    }

    @Test("A refused part may be loaded again, and the right one is accepted")
    func loadedAgain() throws {
        let host = try TestHost(try Deployment())
        let deployment = host.deployment
        _ = try host.send(try deployment.loadManifest())
        let wrong = [UInt8](repeating: 0, count: deployment.frontNet.count)
        func load(_ bytes: [UInt8]) throws -> EnclaveErrorCode? {
            try host.refusal(of: .loadPart(.frontNet, totalBytes: UInt64(bytes.count), offset: 0, bytes: bytes))
        }
        #expect(try load(wrong) == .partRefused)
        #expect(try load(deployment.frontNet) == nil)
        #expect(try load(deployment.frontNet) == .partRefused)
    }

    @Test("Parts that do not match each other are refused")
    func mismatchedParts() throws {
        let outside = TinyModel(isAllInside: false)
        let inside = TinyModel(isAllInside: true)
        func refusal(_ front: TinyModel, _ mapping: TinyModel) throws -> EnclaveErrorCode? {
            let host = try TestHost(try Deployment(front, mapping: mapping))
            try host.load()
            return try host.provision()
        }
        #expect(try refusal(outside, outside) == nil)
        #expect(try refusal(inside, inside) == nil)
        #expect(try refusal(inside, outside) == .mappingUnitRefused)
        #expect(try refusal(outside, inside) == .mappingUnitRefused)
        // A name longer than the answer's name field.
        var wide = outside
        wide.classNames[0] = String(repeating: "x", count: 1024)
        #expect(try refusal(outside, wide) == nil)
    }
}
