// SPDX-License-Identifier: Apache-2.0
import SealedChannel
import SecretMemory
import Synchronization
import Tensors
import Testing

@Suite("Oblivious HTTP")
struct ObliviousHTTPTests {
    private static let limit = 1 << 20

    private static func gateway(_ keys: ChannelKeyPair) -> ObliviousGateway {
        ObliviousGateway(keys: keys, maximumMessageBytes: limit)
    }

    @Test("Each answer draws its own nonce from the random generator, with one call")
    func randomnessOfAnswer() throws {
        let keys = try ChannelKeyPair.generate()
        let calls = Mutex<[Int]>([])
        let counting = Randomness { target in
            calls.withLock { $0.append(target.count) }
            Randomness.system.fill(target)
        }
        for configuration in keys.configurations {
            let request = try ObliviousRequest.seal(hex("0003").span.bytes, to: configuration)
            let opened = try Self.gateway(keys).open(request.message.span.bytes)
            let answers = try (0..<2).map { _ in
                try opened.sealer.seal(hex("0140c8").span.bytes, randomness: counting)
            }
            #expect(answers[0].prefix(32) != answers[1].prefix(32))
            for answer in answers { #expect(array(try request.opener.open(answer.span.bytes)) == hex("0140c8")) }
        }
        #expect(calls.withLock { $0 } == [32, 32, 32, 32])
    }

    @Test("The example in RFC 9458, appendix A, opens, and its response is reproduced byte for byte")
    func publishedExample() throws {
        let algorithms = [
            KeyConfiguration.SymmetricAlgorithms(keyDerivation: 1, cipher: 1),
            KeyConfiguration.SymmetricAlgorithms(keyDerivation: 1, cipher: 3),
        ]
        let keys = try ChannelKeyPair(
            keyIdentifier: 1, x25519: hex("3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a"),
            algorithms: algorithms)
        let configuration = hex(
            "01002031e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e79815500080001000100010003")
        #expect(keys.configurations[0].encoded == configuration)
        #expect(try KeyConfiguration.parse(configuration.span.bytes) == keys.configurations[0])

        let message = hex(
            """
            010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b472
            6374e469135906992e1268c594d2a10c695d858c40a026e7965e7d86b83dd440b2c0185204b4d63525
            """)
        let opened = try Self.gateway(keys).open(message.span.bytes)
        #expect(array(opened.request) == hex("00034745540568747470730b6578616d706c652e636f6d012f"))
        let head = try BinaryRequest(decoding: opened.request.bytes)
        #expect([head.method, head.scheme, head.authority, head.path] == ["GET", "https", "example.com", "/"])

        let response = try opened.sealer.seal(
            hex("0140c8").span.bytes, responseNonce: hex("c789e7151fcba46158ca84b04464910d"))
        #expect(response == hex("c789e7151fcba46158ca84b04464910d86f9013e404feea014e7be4a441f234f857fbd"))
    }

    @Test(
        "Requests of another implementation open, and answers agree byte for byte",
        arguments: KeyEncapsulation.allCases)
    func interoperates(kem: KeyEncapsulation) throws {
        let vector = kem == .x25519 ? Vectors.stored.x25519 : Vectors.stored.xWing
        let keys = try keys(kem, vector.keyIdentifier, vector.privateKey)
        #expect(keys.keyConfiguration == hex(vector.keyConfiguration))

        let opened = try Self.gateway(keys).open(hex(vector.message).span.bytes)
        #expect(array(opened.request) == hex(vector.request))
        let type = TensorType(.uint8, try Shape([2, 3, 4]))
        let request = try ClassificationRequest(binaryRequest: opened.request.bytes, accepting: [type])
        #expect(try request.tensor.uint8s() == hex(vector.elements))
        #expect(request.token.digest.bytes == hex(Vectors.stored.token.digest))
        let again = try request.encodeBinaryRequest(authority: "example.com:8443")
        #expect(array(again) == hex(vector.request))

        let layout = try AnswerLayout(classCount: 2, nameByteCount: 9)
        let answer = try ClassificationAnswer.encodeBinaryResponse(layout: layout) {
            (position, entry) throws(SealedChannelError) in
            let name = Array(position == 0 ? "tabby cat".utf8 : "ö".utf8)
            try entry.write(
                index: position == 0 ? 7 : 281, probability: position == 0 ? 0.75 : 0.25, name: name.span.bytes)
        }
        #expect(array(answer) == hex(vector.response))
        let sealed = try opened.sealer.seal(answer.bytes, responseNonce: hex(vector.responseNonce))
        #expect(sealed == hex(vector.sealedResponse))
    }

    @Test(
        "A request and its answer survive the exchange", arguments: KeyEncapsulation.allCases,
        [0, 1, 200, 70_000])
    func roundTrip(kem: KeyEncapsulation, count: Int) throws {
        let keys = try ChannelKeyPair.generate()
        let list = try KeyConfiguration.parseList(keys.keyConfiguration.span.bytes)
        let recipient = try #require(list.first { $0.kem == kem })
        let plaintext = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let request = try ObliviousRequest.seal(plaintext.span.bytes, to: recipient)
        let opened = try Self.gateway(keys).open(request.message.span.bytes)
        #expect(array(opened.request) == plaintext)
        let answer = try opened.sealer.seal(plaintext.reversed().span.bytes)
        #expect(answer.count == plaintext.count + 48)
        let found = try request.opener.open(answer.span.bytes)
        #expect(array(found) == plaintext.reversed())
        #expect(try opened.sealer.seal(plaintext.span.bytes) != opened.sealer.seal(plaintext.span.bytes))
    }

    @Test("A request with an altered byte, or truncated, is refused", arguments: KeyEncapsulation.allCases)
    func mutatedRequests(kem: KeyEncapsulation) throws {
        let keys = try ChannelKeyPair.generate()
        let recipient = try #require(keys.configurations.first { $0.kem == kem })
        let gateway = Self.gateway(keys)
        let message = try ObliviousRequest.seal([UInt8](repeating: 3, count: 40).span.bytes, to: recipient).message
        let allowed: Set<SealedChannelError.Code?> = [.undecryptable, .unsupportedSuite, .malformed]
        for altered in flips(message) {
            let code = refusal { () throws(SealedChannelError) in _ = try gateway.open(altered.span.bytes) }
            #expect(allowed.contains(code))
        }
        for short in truncations(message) {
            let code = refusal { () throws(SealedChannelError) in _ = try gateway.open(short.span.bytes) }
            #expect(allowed.contains(code))
        }
        let long = message + [0]
        #expect(refusal { () throws(SealedChannelError) in _ = try gateway.open(long.span.bytes) } == .undecryptable)
    }

    @Test("An answer that has an altered byte, or belongs to another request, is refused")
    func mutatedAnswers() throws {
        let keys = try ChannelKeyPair.generate()
        let recipient = try KeyConfiguration.preferred(in: keys.configurations)
        #expect(recipient.kem == .xWing)
        let request = try ObliviousRequest.seal(([1] as [UInt8]).span.bytes, to: recipient)
        let other = try ObliviousRequest.seal(([1] as [UInt8]).span.bytes, to: recipient)
        let opened = try Self.gateway(keys).open(request.message.span.bytes)
        let answer = try opened.sealer.seal([UInt8](repeating: 5, count: 30).span.bytes)
        for altered in flips(answer) {
            #expect(
                refusal { () throws(SealedChannelError) in _ = try request.opener.open(altered.span.bytes) }
                    == .undecryptable)
        }
        for short in truncations(answer) {
            let code = refusal { () throws(SealedChannelError) in _ = try request.opener.open(short.span.bytes) }
            #expect(code == .undecryptable || code == .malformed)
        }
        #expect(
            refusal { () throws(SealedChannelError) in _ = try other.opener.open(answer.span.bytes) } == .undecryptable)
    }

    @Test("A request to another enclave's keys under the same identifiers does not open")
    func otherKeys() throws {
        let seeds = [[UInt8](repeating: 1, count: 32), [UInt8](repeating: 2, count: 32)]
        let first = try ChannelKeyPair(keyIdentifier: 5, xWingSeed: seeds[0])
        let second = try ChannelKeyPair(keyIdentifier: 5, xWingSeed: seeds[1])
        let message = try ObliviousRequest.seal(([1] as [UInt8]).span.bytes, to: first.configurations[0]).message
        #expect(
            refusal { () throws(SealedChannelError) in _ = try Self.gateway(second).open(message.span.bytes) }
                == .undecryptable)
    }

    @Test("A replay has the identifier of its original, and no two requests share one")
    func replayIdentifiers() throws {
        let keys = try ChannelKeyPair.generate()
        let gateway = Self.gateway(keys)
        var seen: Set<ContentDigest> = []
        for recipient in keys.configurations + keys.configurations {
            let message = try ObliviousRequest.seal(([1] as [UInt8]).span.bytes, to: recipient).message
            let first = try gateway.open(message.span.bytes)
            let again = try gateway.open(message.span.bytes)
            let identifier = first.replayIdentifier
            #expect(again.replayIdentifier == identifier)
            #expect(seen.insert(identifier).inserted)
        }
    }

    @Test("A message over the limit is refused before it is read")
    func limit() throws {
        let gateway = ObliviousGateway(keys: try ChannelKeyPair.generate(), maximumMessageBytes: 10)
        let message = [UInt8](repeating: 0, count: 11)
        #expect(refusal { () throws(SealedChannelError) in _ = try gateway.open(message.span.bytes) } == .tooLarge)
    }

    @Test("Requests of the same length give messages of the same length")
    func lengths() throws {
        let recipient = try KeyConfiguration.preferred(in: try ChannelKeyPair.generate().configurations)
        let lengths = try (0..<4).map { value in
            try ObliviousRequest.seal([UInt8](repeating: value, count: 99).span.bytes, to: recipient).message.count
        }
        #expect(Set(lengths) == [7 + 1120 + 99 + 16])
    }
}

@Suite("Key configurations")
struct KeyConfigurationTests {
    @Test("An enclave offers X-Wing first, then X25519, under two identifiers")
    func generated() throws {
        for _ in 0..<8 {
            let keys = try ChannelKeyPair.generate()
            let list = try KeyConfiguration.parseList(keys.keyConfiguration.span.bytes)
            #expect(list.map(\.kem) == [.xWing, .x25519])
            #expect(list.allSatisfy { $0.algorithms == [.standard] })
            #expect(list[0].keyIdentifier != list[1].keyIdentifier)
            #expect(KeyConfiguration.encodeList(list) == keys.keyConfiguration)
            #expect(keys.keyConfigurationDigest == ContentDigest(of: keys.keyConfiguration))
        }
    }

    @Test("A truncated list is refused, except between its entries")
    func truncated() throws {
        let list = try ChannelKeyPair.generate().keyConfiguration
        let boundary = 2 + 1 + 2 + 1216 + 2 + 4
        for short in truncations(list) {
            let code = refusal { () throws(SealedChannelError) in _ = try KeyConfiguration.parseList(short.span.bytes) }
            #expect(code == ([0, boundary].contains(short.count) ? nil : .malformed))
        }
    }

    @Test("Empty, odd or excessive lists of algorithms are refused")
    func algorithms() throws {
        let key = [UInt8](repeating: 9, count: 32)
        for tail in ["0000", "0002 0001", "0003 000100", "0004 000100", "0004 0001000200", "0008 00010002"] {
            let bytes = [1, 0, 0x20] + key + hex(tail)
            #expect(
                refusal { () throws(SealedChannelError) in _ = try KeyConfiguration.parse(bytes.span.bytes) }
                    == .malformed)
        }
    }

    @Test("Keys of unknown KEMs are skipped, and two keys with one identifier are refused")
    func lists() throws {
        let key = KeyConfiguration(
            keyIdentifier: 1, kem: .x25519, publicKey: [UInt8](repeating: 9, count: 32), algorithms: [.standard])
        let unknown = [0, 5, 9, 0x12, 0x34, 1, 2] as [UInt8]
        let list = unknown + KeyConfiguration.encodeList([key])
        #expect(try KeyConfiguration.parseList(list.span.bytes) == [key])
        let twice = KeyConfiguration.encodeList([key, key])
        #expect(
            refusal { () throws(SealedChannelError) in _ = try KeyConfiguration.parseList(twice.span.bytes) }
                == .malformed)
    }

    @Test("A key with unknown algorithms only is not chosen")
    func choice() throws {
        let foreign = KeyConfiguration(
            keyIdentifier: 1, kem: .x25519, publicKey: [UInt8](repeating: 9, count: 32),
            algorithms: [KeyConfiguration.SymmetricAlgorithms(keyDerivation: 1, cipher: 3)])
        #expect(
            refusal { () throws(SealedChannelError) in _ = try KeyConfiguration.preferred(in: [foreign]) }
                == .unsupportedSuite)
        #expect(
            refusal { () throws(SealedChannelError) in
                _ = try ObliviousRequest.seal(([1] as [UInt8]).span.bytes, to: foreign)
            }
                == .unsupportedSuite)
    }

    @Test(
        "X25519 keys of small order are refused by both sides",
        arguments: [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        ])
    func smallOrder(point: String) throws {
        let key = KeyConfiguration(keyIdentifier: 1, kem: .x25519, publicKey: hex(point), algorithms: [.standard])
        let sealing = refusal { () throws(SealedChannelError) in
            _ = try ObliviousRequest.seal(([1] as [UInt8]).span.bytes, to: key)
        }
        #expect(sealing == .cryptography)

        let keys = try ChannelKeyPair.generate()
        let identifier = try #require(keys.configurations.first { $0.kem == .x25519 }).keyIdentifier
        let message = [identifier] + hex("002000010002" + point) + [UInt8](repeating: 0, count: 40)
        let opening = refusal { () throws(SealedChannelError) in
            _ = try ObliviousGateway(keys: keys, maximumMessageBytes: 999).open(message.span.bytes)
        }
        #expect(opening == .undecryptable)
    }
}
