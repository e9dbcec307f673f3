// SPDX-License-Identifier: Apache-2.0
import EnclaveCore
import EnclaveFixtures
import SealedChannel
import Testing
import Wire

/// Parts of more than one block, whose ciphertext goes back while they are opened.
@Suite("Parts decrypted block by block")
struct StreamedPartTests {
    /// 3 MB of weights.
    private static var heavy: TinyModel {
        var model = TinyModel(isAllInside: true)
        model.ballast = 750_000
        return model
    }

    @Test("A part of several blocks is decrypted and serves, and does so again after its lease")
    func opens() throws {
        let deployment = try Deployment(Self.heavy)
        #expect(deployment.frontNet.count > 2 << 20)
        let host = try TestHost(deployment)
        for message in try deployment.load(chunkBytes: 700_001) { _ = try host.send(message) }
        // A wrong key changes nothing: the parts are still there.
        let evidence = try host.evidence()
        let wrong = try deployment.provisioning(for: evidence, modelKey: .random())
        #expect(try host.refusal(of: .provision(ciphertext: wrong)) == .frontNetRefused)
        #expect(try host.provision(terms: ServiceTerms(sequence: 1, leaseSeconds: 60, requestsInFlight: 8)) == nil)
        #expect(try host.answersGoodRequest())
        _ = host.advance(by: .seconds(61))
        #expect(try host.status().state == .leaseEnded)
        let next = ServiceTerms(sequence: 2, leaseSeconds: 60, requestsInFlight: 8)
        #expect(try host.provision(terms: next) == .bundleMissing)
        for message in deployment.loadParts(chunkBytes: 700_001) { _ = try host.send(message) }
        #expect(try host.provision(terms: next) == nil)
        #expect(try host.answersGoodRequest())
    }

    @Test(
        "Parts whose behaviour differs from the manifest are discarded, and refused again when they are loaded again")
    func refused() throws {
        var wrong = TinyModel(isAllInside: true)
        wrong.topK = 1
        let deployment = try Deployment(Self.heavy, claiming: wrong.facts())
        let host = try TestHost(deployment)
        for message in try deployment.load(chunkBytes: 700_001) { _ = try host.send(message) }
        let message = try deployment.provisioning(for: host.evidence())
        #expect(try host.refusal(of: .provision(ciphertext: message)) == .factsMismatch)
        #expect(try host.status().state == .awaitingBundle)
        #expect(try host.refusal(of: .provision(ciphertext: message)) == .bundleMissing)
        for part in deployment.loadParts(chunkBytes: 700_001) { _ = try host.send(part) }
        #expect(try host.status().state == .awaitingOwner)
        #expect(try host.provision() == .factsMismatch)
    }
}
