// SPDX-License-Identifier: Apache-2.0
import EnclaveCore
import EnclaveFixtures
import SealedChannel
import SecretMemory
import Tensors
import Testing
import Wire

/// What crosses for one request.
private func boundary(of tensor: Tensor, from host: TestHost) throws -> [Float] {
    let request = try host.deployment.request(tensor, for: host.evidence())
    guard case .intermediate(let tensors) = try host.send(.infer(message: request.message)) else {
        throw Unexpected("nothing came out")
    }
    return try tensors[0].floats()
}

@Suite("Noise on the boundary tensor")
struct NoiseTests {
    private static func model(_ sigma: Double) -> TinyModel {
        TinyModel(isAllInside: false, sigma: NoiseDeviation(sigma))
    }

    @Test("The boundary tensor is the FrontNet's result plus noise from model key, manifest and input")
    func derivation() throws {
        let key = ModelKey.random()
        let host = try TestHost.provisioned(Self.model(0.5), modelKey: key)
        let input = try Picture.floats()
        let found = try boundary(of: input, from: host)
        var expected = TinyModel.boundary(Picture.values.map(Double.init)).map(Float.init)
        let noiseKey = NoiseKey(key, manifestDigest: host.deployment.manifestDigest)
        input.withBytes { bytes in
            let normals = noiseKey.normals(input: RawSpan(_unsafeBytes: bytes), tensor: 0)
            expected.withUnsafeMutableBufferPointer { normals.add(NoiseDeviation(0.5)!, to: $0) }
        }
        #expect(found.count == expected.count)
        for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 1e-5) }
        let clean = TinyModel.boundary(Picture.values.map(Double.init))
        #expect(zip(found, clean).allSatisfy { abs(Double($0) - $1) > 1e-4 })
    }

    @Test("A repeated input gives the same values; another input, key or manifest gives other noise")
    func repeats() throws {
        let key = ModelKey.random()
        let host = try TestHost.provisioned(Self.model(0.5), modelKey: key)
        let first = try boundary(of: try Picture.floats(), from: host)
        #expect(try boundary(of: try Picture.floats(), from: host) == first)
        // Another run of the enclave, with other channel keys.
        let again = try TestHost.provisioned(host.deployment)
        #expect(try boundary(of: try Picture.floats(), from: again) == first)
        let other = try TestHost.provisioned(Self.model(0.5))
        let elsewhere = try boundary(of: try Picture.floats(), from: other)
        #expect(zip(elsewhere, first).allSatisfy { $0 != $1 })
        // The last pixel does not change the first results, but all of the noise.
        var values = Picture.values
        values[3] += 1
        let neighbour = try boundary(of: try Tensor(values, shape: [1, 2, 2, 2]), from: host)
        #expect(zip(neighbour, first).allSatisfy { $0 != $1 })
    }

    @Test("One picture gets the same noise as pixels and as the corresponding floats")
    func forms() throws {
        let host = try TestHost.provisioned(Self.model(0.5))
        let pixels = try boundary(of: try Picture.bytes(), from: host)
        let floats = try Tensor(Picture.normalizedPixels.map(Float.init), shape: [1, 2, 2, 2])
        #expect(try boundary(of: floats, from: host) == pixels)
    }

    @Test("Without a standard deviation the boundary tensor is bit-identical to the FrontNet's result")
    func none() throws {
        let key = ModelKey.random()
        let found = try boundary(
            of: try Picture.floats(), from: TestHost.provisioned(TinyModel(isAllInside: false), modelKey: key))
        // These weights and pictures are exact in float32.
        #expect(found == TinyModel.boundary(Picture.values.map(Double.init)).map(Float.init))
    }

    @Test("Tensors for the mapping unit get no noise, and answers under little noise equal those without noise")
    func answers() throws {
        let host = try TestHost.provisioned(Self.model(1e-5))
        for index in 0..<3 {
            let picture = try Picture.of(class: index)
            let request = try host.deployment.request(picture, for: host.evidence())
            let answer = try request.answer(try host.classify(request))
            let expected = TinyModel.probabilities(try picture.floats().map(Double.init))
            #expect(answer.entries[0].index == index)
            #expect(abs(Double(answer.entries[0].probability) - expected[index]) < 1e-4)
        }
    }
}
