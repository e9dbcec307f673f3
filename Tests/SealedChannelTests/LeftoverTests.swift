import Foundation
import SealedChannel
import SecretMemory
import Tensors
import Testing

/// Bytes that can be recognised in memory without being written there: each is computed when it is needed.
private struct Pattern {
    let seed: UInt64

    func byte(_ index: Int) -> UInt8 {
        var mixed = (seed &+ UInt64(index)) &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        return UInt8(truncatingIfNeeded: mixed ^ (mixed >> 27))
    }

    func secret(_ count: Int) -> SecretBytes {
        SecretBytes(count: count) { target in
            for index in target.indices { target[index] = byte(index) }
        }
    }

    /// How often `count` consecutive bytes from `start` on are in the writable memory of this process.
    func occurrences(start: Int, count: Int) -> Int {
        var found = 0
        let content = FileHandle(forReadingAtPath: "/proc/self/maps")?.readDataToEndOfFile()
        let maps = String(decoding: content ?? Data(), as: UTF8.self)
        for line in maps.split(separator: "\n") where line.contains(" rw-p ") {
            let range = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
            guard range.count == 2, let base = UnsafeRawPointer(bitPattern: range[0]) else { continue }
            let memory = UnsafeRawBufferPointer(start: base, count: Int(range[1] - range[0]))
            var offset = 0
            while offset + count <= memory.count {
                guard let hit = memchr(base + offset, Int32(byte(start)), memory.count - count - offset + 1) else {
                    break
                }
                offset = UnsafeRawPointer(hit) - base
                if (1..<count).allSatisfy({ memory[offset + $0] == byte(start + $0) }) { found += 1 }
                offset += 1
            }
        }
        return found
    }
}

private func token(of pattern: Pattern) throws -> AccessToken {
    let bytes = pattern.secret(AccessToken.byteCount)
    let token = AccessToken(bytes: bytes.bytes)
    return try #require(token)
}

private func modelKey(of pattern: Pattern) throws -> ModelKey {
    let bytes = pattern.secret(ModelKey.byteCount)
    let key = ModelKey(bytes: bytes.bytes)
    return try #require(key)
}

@Suite("What is left in memory")
struct LeftoverTests {
    @Test("Plaintext that swift-crypto returned is wiped in place")
    func takenData() {
        let base = UnsafeMutableRawPointer.allocate(byteCount: 5000, alignment: 1)
        base.initializeMemory(as: UInt8.self, repeating: 7, count: 5000)
        var data = Data(bytesNoCopy: base, count: 5000, deallocator: .none)
        let secret = SecretBytes(taking: &data)
        #expect(array(secret) == [UInt8](repeating: 7, count: 5000))
        #expect([UInt8](UnsafeRawBufferPointer(start: base, count: 5000)) == [UInt8](repeating: 0, count: 5000))
        base.deallocate()
    }

    @Test("The search finds a copy that was forgotten, and none that was not")
    func searchWorks() async {
        await #expect(processExitsWith: .success) {
            let pattern = Pattern(seed: UInt64.random(in: 0...UInt64.max))
            #expect(pattern.occurrences(start: 0, count: 64) == 0)
            let forgotten = (0..<100).map { pattern.byte($0) }
            #expect(pattern.occurrences(start: 0, count: 64) == 1)
            #expect(pattern.occurrences(start: 30, count: 64) == 1)
            #expect(forgotten.count == 100)
        }
    }

    @Test("After a request was opened, decoded and answered, memory holds neither picture nor token")
    func request() async {
        await #expect(processExitsWith: .success) {
            let pixels = Pattern(seed: UInt64.random(in: 0...UInt64.max))
            let tokenBytes = Pattern(seed: UInt64.random(in: 0...UInt64.max))
            let name = Pattern(seed: UInt64.random(in: 0...UInt64.max))
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

    @Test("After a bundle was sealed, provisioned and opened, memory holds neither model key nor parts")
    func bundle() async {
        await #expect(processExitsWith: .success) {
            let keyBytes = Pattern(seed: UInt64.random(in: 0...UInt64.max))
            let weights = Pattern(seed: UInt64.random(in: 0...UInt64.max))
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
