// SPDX-License-Identifier: Apache-2.0
import EnclaveCore
import EnclaveFixtures
import Evidence
import SealedChannel
import Tensors
import Testing
import Wire

/// Owner and host collude: the signed facts differ from the parts' behaviour.
@Suite("Service facts in evidence")
struct ServiceFactsTests {
    private func refusal(_ model: TinyModel, claiming facts: ServiceFacts) throws -> EnclaveErrorCode? {
        let host = try TestHost(try Deployment(model, claiming: facts))
        try host.load()
        let code = try host.provision()
        if code != nil { #expect(try host.status().state == .awaitingOwner) }
        return code
    }

    /// The facts of a model with one of them changed.
    private func facts(
        of model: TinyModel, acceptsFloats: Bool? = nil, precision: ServiceFacts.Precision = .float32,
        extents: [Int] = [2, 2, 2], classes: Int? = nil, topK: Int? = nil, sigma: NoiseDeviation?? = nil,
        crossing: [TensorType]? = nil
    ) throws -> ServiceFacts {
        let truth = try model.facts()
        return try ServiceFacts(
            acceptsFloats: acceptsFloats ?? truth.acceptsFloats, precision: precision, channels: extents[0],
            height: extents[1], width: extents[2], classes: classes ?? truth.classes, topK: topK ?? truth.topK,
            sigma: sigma ?? truth.sigma, toHost: crossing ?? truth.toHost, fromHost: crossing ?? truth.fromHost)
    }

    @Test("A FrontNet with a boundary tensor is refused under a manifest that states everything inside")
    func secretBoundary() throws {
        let outside = TinyModel(isAllInside: false)
        let claimed = try TinyModel(isAllInside: true).facts()
        #expect(try refusal(outside, claiming: outside.facts()) == nil)
        #expect(try refusal(outside, claiming: claimed) == .factsMismatch)
        #expect(try refusal(TinyModel(isAllInside: true), claiming: outside.facts()) == .factsMismatch)
    }

    @Test("Each stated fact that differs from the parts' behaviour is refused")
    func everyFact() throws {
        var model = TinyModel(isAllInside: false, sigma: NoiseDeviation(0.5))
        let shape = { (extents: [Int]) throws in [TensorType(.float32, try Shape(extents))] }
        let lies = [
            try facts(of: model, acceptsFloats: false), try facts(of: model, precision: .bfloat16),
            try facts(of: model, extents: [2, 2, 3]), try facts(of: model, extents: [3, 2, 2]),
            try facts(of: model, classes: 4), try facts(of: model, topK: 1),
            try facts(of: model, sigma: .some(nil)), try facts(of: model, sigma: NoiseDeviation(0.25)),
            try facts(of: model, crossing: shape([1, 2, 2, 1])),
            try facts(of: model, crossing: shape([1, 2, 2, 2]) + shape([1, 2, 2, 2])),
            try facts(of: model, crossing: [TensorType(.uint8, try Shape([1, 2, 2, 2]))]),
        ]
        #expect(try refusal(model, claiming: facts(of: model)) == nil)
        for lie in lies { #expect(try refusal(model, claiming: lie) == .factsMismatch) }
        model.acceptsFloats = false
        #expect(try refusal(model, claiming: facts(of: model, acceptsFloats: true)) == .factsMismatch)
    }

    @Test("Evidence states the parts before provisioning, and the facts afterwards, both bound by the report data")
    func statement() throws {
        for isAllInside in [false, true] {
            let host = try TestHost(try Deployment(TinyModel(isAllInside: isAllInside)))
            try host.load()
            let deployment = host.deployment
            let before = try host.evidence().decodedFacts()
            #expect(before.frontNetDigest == ContentDigest(of: deployment.frontNet).bytes)
            #expect(before.mappingUnitDigest == ContentDigest(of: deployment.mappingUnit).bytes)
            #expect(before.state == .unprovisioned)
            #expect(try host.provision() == nil)
            let after = try host.evidence()
            guard case .provisioned(let lease, let service) = try after.decodedFacts().state else {
                throw Unexpected("not provisioned")
            }
            #expect(service == deployment.core.service)
            #expect(service.isEverythingInside == isAllInside)
            #expect(lease.seconds == Deployment.terms.leaseSeconds && lease.sequence == Deployment.terms.sequence)
            #expect(before.encoded() != after.facts)
        }
    }

    @Test("A FrontNet for pixels refuses floats, under seal")
    func pixelsOnly() throws {
        var model = TinyModel(isAllInside: false)
        model.acceptsFloats = false
        let host = try TestHost.provisioned(model)
        let floats = try host.deployment.request(try Picture.floats(), for: host.evidence())
        #expect(try floats.answer(try host.classify(floats)).status == .wrongTensorType)
        #expect(host.intermediates == 0)
        let pixels = try host.deployment.request(try Picture.bytes(), for: host.evidence())
        #expect(try pixels.answer(try host.classify(pixels)).status == .answered)
    }
}
