// SPDX-License-Identifier: Apache-2.0
import Foundation
import SealedChannel
import SecretMemory
import Tensors
import TestSupport
import Testing

extension MemoryPattern {
    fileprivate func secret(_ count: Int) -> SecretBytes {
        SecretBytes(count: count) { target in
            for index in target.indices { target[index] = byte(index) }
        }
    }
}

private func token(of pattern: MemoryPattern) throws -> AccessToken {
    let bytes = pattern.secret(AccessToken.byteCount)
    let token = AccessToken(bytes: bytes.bytes)
    return try #require(token)
}

private func modelKey(of pattern: MemoryPattern) throws -> ModelKey {
    let bytes = pattern.secret(ModelKey.byteCount)
    let key = ModelKey(bytes: bytes.bytes)
    return try #require(key)
}

@Suite("Secrets left in memory")
struct LeftoverTests {
    @Test("Plaintext returned by swift-crypto is wiped in place")
    func takenData() {
        let base = UnsafeMutableRawPointer.allocate(byteCount: 5000, alignment: 1)
        base.initializeMemory(as: UInt8.self, repeating: 7, count: 5000)
        var data = Data(bytesNoCopy: base, count: 5000, deallocator: .none)
        let secret = SecretBytes(taking: &data)
        #expect(array(secret) == [UInt8](repeating: 7, count: 5000))
        #expect([UInt8](UnsafeRawBufferPointer(start: base, count: 5000)) == [UInt8](repeating: 0, count: 5000))
        base.deallocate()
    }

    @Test("The memory scan finds an unwiped copy, and no wiped one")
    func searchWorks() async {
        await #expect(processExitsWith: .success) {
            let pattern = MemoryPattern()
            #expect(pattern.occurrences(start: 0, count: 64) == 0)
            let forgotten = (0..<100).map { pattern.byte($0) }
            #expect(pattern.occurrences(start: 0, count: 64) == 1)
            #expect(pattern.occurrences(start: 30, count: 64) == 1)
            #expect(forgotten.count == 100)
        }
    }

    @Test("After a request was opened, decoded and answered, memory contains neither picture nor token")
    func request() async {
        await #expect(processExitsWith: .success) {
            let pixels = MemoryPattern()
            let tokenBytes = MemoryPattern()
            let name = MemoryPattern()
            let type = TensorType(.uint8, try Shape([3, 50, 60]))
            let keys = try ChannelKeyPair.generate()
            for recipient in keys.configurations {
                let tensor = Tensor(type: type, allocator: .wiping) { target in
                    for index in target.indices { target[index] = pixels.byte(index) }
                }
                let accessToken = try token(of: tokenBytes)
                let plaintext = try ClassificationRequest(token: accessToken, tensor: tensor)
                    .encodeBinaryRequest(authority: "a")
                let request = try ObliviousRequest.seal(plaintext.bytes, to: recipient)
                let opened = try ObliviousGateway(keys: keys, maximumMessageBytes: 1 << 20)
                    .open(request.message.span.bytes)
                let decoded = try ClassificationRequest(binaryRequest: opened.request.bytes, accepting: [type])
                #expect(pixels.occurrences(start: 100, count: 64) >= 1)
                #expect(decoded.token.digest == accessToken.digest)
                let answer = try ClassificationAnswer.encodeBinaryResponse(
                    layout: try AnswerLayout(classCount: 1, nameByteCount: 40)
                ) { (_, entry) throws(SealedChannelError) in
                    let word = name.secret(40)
                    try entry.write(index: 0, probability: 1, name: word.bytes)
                }
                let sealed = try opened.sealer.seal(answer.bytes)
                let received = try request.opener.open(sealed.span.bytes)
                #expect(received.count == answer.count)
            }
            for start in [0, 100, 5000, 8936] { #expect(pixels.occurrences(start: start, count: 64) == 0) }
            #expect(tokenBytes.occurrences(start: 0, count: 32) == 0)
            #expect(name.occurrences(start: 0, count: 40) == 0)
        }
    }

    @Test("After a bundle was sealed, provisioned and opened, memory contains neither model key nor parts")
    func bundle() async {
        await #expect(processExitsWith: .success) {
            let keyBytes = MemoryPattern()
            let weights = MemoryPattern()
            let template = ContentDigest(of: [1])
            do {
                let owner = OwnerSigningKey.random()
                let keys = try ChannelKeyPair.generate()
                let epoch = EnclaveEpoch.random()
                let key = try modelKey(of: keyBytes)
                let sealed = try SealedPart.seal(
                    weights.secret(200_000).bytes, as: .frontNet, modelKey: key, context: template)
                let message = try ProvisioningMessage(
                    modelKey: key, manifestDigest: template,
                    clients: [ClientGrant(token: AccessToken.random().digest)], terms: ServiceTerms(sequence: 1),
                    epoch: epoch,
                    keyConfiguration: keys.keyConfiguration
                ).sealed(to: keys.configurations[0], signedBy: owner)
                let provisioned = try ProvisioningMessage.open(
                    message.span.bytes, with: keys,
                    expecting: ProvisioningMessage.Expectation(
                        owner: owner.publicKey, manifestDigest: template, epoch: epoch))
                let part = try SealedPart.open(
                    sealed.span.bytes, as: .frontNet, modelKey: provisioned.modelKey, context: template)
                #expect(part.count == 200_000)
                #expect(weights.occurrences(start: 70_000, count: 64) >= 1)
                #expect(keyBytes.occurrences(start: 0, count: 32) >= 1)
            }
            #expect(keyBytes.occurrences(start: 0, count: 32) == 0)
            for start in [0, 70_000, 199_936] { #expect(weights.occurrences(start: start, count: 64) == 0) }
        }
    }
}
