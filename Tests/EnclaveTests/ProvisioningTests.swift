import EnclaveCore
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
        "Messages of another owner, epoch, manifest, enclave or model key are refused, and the right one still counts")
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
            .wrongManifest, host, try deployment.provisioning(for: evidence, manifest: [1]), "manifest")
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

    @Test("A repeated message is taken, a different one refused")
    func twice() throws {
        let host = try TestHost.provisioned()
        let deployment = host.deployment
        let evidence = try host.evidence()
        let again = try deployment.provisioning(for: evidence)
        #expect(try host.refusal(of: .provision(ciphertext: again)) == nil)
        #expect(try host.refusal(of: .provision(ciphertext: again)) == nil)
        let others = [
            try deployment.provisioning(for: evidence, modelKey: .random()),
            try deployment.provisioning(for: evidence, tokens: []),
            try deployment.provisioning(for: evidence, tokens: [deployment.token.digest, AccessToken.random().digest]),
            try deployment.provisioning(
                for: evidence, limits: ServiceLimits(requestsInFlight: 9, requestsInEpoch: 1000)),
        ]
        for other in others { #expect(try host.refusal(of: .provision(ciphertext: other)) == .alreadyProvisioned) }
        #expect(
            try host.refusal(
                of: .provision(ciphertext: try deployment.provisioning(for: evidence, signedBy: .random())))
                == .ownerUnauthorized)
        #expect(try host.answersGoodRequest())
    }

    @Test("Parts that are swapped, flipped, cut short or of another bundle are refused")
    func damagedParts() throws {
        let deployment = try Deployment()
        let other = try Deployment()
        func refusal(frontNet: [UInt8]? = nil, mappingUnit: [UInt8]? = nil) throws -> EnclaveErrorCode? {
            let host = try TestHost(deployment)
            _ = try host.send(try deployment.loadManifest())
            for (name, bytes) in [
                (SealedPartName.frontNet, frontNet ?? deployment.frontNet),
                (.mappingUnit, mappingUnit ?? deployment.mappingUnit),
            ] {
                _ = try host.send(.loadPart(name, totalBytes: UInt64(bytes.count), offset: 0, bytes: bytes))
            }
            return try host.refusal(of: .provision(ciphertext: try deployment.provisioning(for: host.evidence())))
        }
        #expect(try refusal() == nil)
        #expect(try refusal(frontNet: deployment.mappingUnit) == .frontNetRefused)
        #expect(try refusal(mappingUnit: deployment.frontNet) == .mappingUnitRefused)
        #expect(try refusal(frontNet: other.frontNet) == .frontNetRefused)
        #expect(try refusal(mappingUnit: other.mappingUnit) == .mappingUnitRefused)
        #expect(try refusal(frontNet: deployment.frontNet.dropLast()) == .frontNetRefused)
        for position in stride(from: 0, to: deployment.mappingUnit.count, by: 61) {
            var flipped = deployment.mappingUnit
            flipped[position] ^= 1
            #expect(try refusal(mappingUnit: flipped) == .mappingUnitRefused, "byte \(position)")
        }
    }

    @Test("Parts that do not fit each other are refused")
    func mismatchedParts() throws {
        let outside = TinyModel(isAllInside: false)
        let inside = TinyModel(isAllInside: true)
        func refusal(_ front: TinyModel, _ mapping: TinyModel) throws -> EnclaveErrorCode? {
            let deployment = try Deployment(front)
            let mappingUnit = try SealedPart.seal(
                try mapping.mappingUnitPart().encoded().span.bytes, as: .mapping, modelKey: deployment.modelKey,
                templateDigest: deployment.templateDigest)
            let host = try TestHost(deployment)
            _ = try host.send(try deployment.loadManifest())
            for (name, bytes) in [(SealedPartName.frontNet, deployment.frontNet), (.mappingUnit, mappingUnit)] {
                _ = try host.send(.loadPart(name, totalBytes: UInt64(bytes.count), offset: 0, bytes: bytes))
            }
            return try host.refusal(of: .provision(ciphertext: try deployment.provisioning(for: host.evidence())))
        }
        #expect(try refusal(outside, outside) == nil)
        #expect(try refusal(inside, inside) == nil)
        #expect(try refusal(inside, outside) == .mappingUnitRefused)
        #expect(try refusal(outside, inside) == .mappingUnitRefused)
        // A name over the widest field of an answer cannot be answered with.
        var wide = outside
        wide.classNames[0] = String(repeating: "x", count: 1024)
        #expect(try refusal(outside, wide) == nil)
    }
}
