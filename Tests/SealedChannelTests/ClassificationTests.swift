// SPDX-License-Identifier: Apache-2.0
import SealedChannel
import SecretMemory
import Tensors
import Testing

@Suite("Classification requests")
struct ClassificationRequestTests {
    private static func type(_ element: ElementType, _ shape: [Int]) throws -> TensorType {
        TensorType(element, try Shape(shape))
    }

    private static func floats() throws -> Tensor { try Tensor([1.5, -2, 3, .infinity, 0, 6], shape: [1, 2, 3]) }

    @Test("A float tensor and its token survive encoding")
    func floatRoundTrip() throws {
        let token = AccessToken.random()
        let body = try ClassificationRequest(token: token, tensor: try Self.floats()).encode()
        #expect(body.count == 4 + 32 + 12 + 24)
        let found = try ClassificationRequest(
            decoding: body.bytes, accepting: [try Self.type(.uint8, [6]), try Self.type(.float32, [1, 2, 3])])
        #expect(found.token.digest == token.digest)
        #expect(try found.tensor.floats() == Self.floats().floats())
        #expect(found.tensor.type == (try Self.type(.float32, [1, 2, 3])))
    }

    @Test(
        "A tensor of another type or shape is refused before memory is allocated for it",
        arguments: [
            [3, 2, 1], [1, 2, 3, 1], [6], [],
        ])
    func otherTypes(shape: [Int]) throws {
        let body = try ClassificationRequest(token: .random(), tensor: try Self.floats()).encode()
        let allocator = StorageAllocator { byteCount in
            Issue.record("allocated \(byteCount) bytes")
            return StorageAllocator.standard.allocate(byteCount: byteCount)
        }
        let types = [try Self.type(.float32, shape), try Self.type(.uint8, [1, 2, 3])]
        let code = refusal { () throws(SealedChannelError) in
            _ = try ClassificationRequest(decoding: body.bytes, accepting: types, allocator: allocator)
        }
        #expect(code == .wrongTensorType)
    }

    @Test("A body that is truncated, extended, of another version, or nonzero in reserved bytes is refused")
    func malformed() throws {
        let types = [try Self.type(.float32, [1, 2, 3])]
        let secret = try ClassificationRequest(token: .random(), tensor: try Self.floats()).encode()
        let body = array(secret)
        func code(_ bytes: [UInt8]) -> SealedChannelError.Code? {
            refusal { () throws(SealedChannelError) in
                _ = try ClassificationRequest(decoding: bytes.span.bytes, accepting: types)
            }
        }
        #expect(code(body) == nil)
        for short in truncations(body) { #expect(code(short) == .malformed) }
        #expect(code(body + [0]) == .malformed)
        func altered(_ position: Int, _ value: UInt8) -> [UInt8] {
            var copy = body
            copy[position] = value
            return copy
        }
        #expect(code(altered(0, 2)) == .unsupportedVersion)
        #expect(code(altered(1, 3)) == .malformed)
        #expect(code(altered(1, 2)) == .wrongTensorType)
        #expect(code(altered(2, 13)) == .malformed)
        #expect(code(altered(2, 255)) == .malformed)
        #expect(code(altered(3, 1)) == .malformed)
    }

    @Test("Another method, path or media type is refused")
    func head() throws {
        let types = [try Self.type(.float32, [1, 2, 3])]
        let body = try ClassificationRequest(token: .random(), tensor: try Self.floats()).encode()
        let field = HTTPField(name: "content-type", value: ClassificationRequest.mediaType)
        func code(_ head: BinaryRequest) -> SealedChannelError.Code? {
            let message = head.encode(content: body.bytes)
            return refusal { () throws(SealedChannelError) in
                _ = try ClassificationRequest(binaryRequest: message.bytes, accepting: types)
            }
        }
        func head(_ method: String, _ path: String, _ fields: [HTTPField]) -> BinaryRequest {
            BinaryRequest(method: method, scheme: "https", authority: "a", path: path, fields: fields)
        }
        #expect(code(head("POST", ClassificationRequest.path, [field])) == nil)
        #expect(code(head("GET", ClassificationRequest.path, [field])) == .malformed)
        #expect(code(head("POST", "/", [field])) == .malformed)
        #expect(code(head("POST", ClassificationRequest.path, [])) == .malformed)
    }

    @Test("Only tensors of floats and bytes are sent")
    func integers() throws {
        let request = ClassificationRequest(token: .random(), tensor: try Tensor([Int64(1)], shape: [1]))
        #expect(refusal { () throws(SealedChannelError) in _ = try request.encode() } == .invalidValue)
    }
}

@Suite("Classification answers")
struct ClassificationAnswerTests {
    private static func answer(_ layout: AnswerLayout, _ names: [String]) throws -> SecretBytes {
        try ClassificationAnswer.encodeBinaryResponse(layout: layout) { (position, entry) throws(SealedChannelError) in
            let name = Array(names[position].utf8)
            try entry.write(index: position * 100, probability: 1 / Float(position + 1), name: name.span.bytes)
        }
    }

    @Test("Answers of all classes, and refusals, have the same size, also when encrypted")
    func constantSize() throws {
        let layout = try AnswerLayout(classCount: 3, nameByteCount: 24)
        let keys = try ChannelKeyPair.generate()
        let recipient = try KeyConfiguration.preferred(in: keys.configurations)
        let request = try ObliviousRequest.seal(([1] as [UInt8]).span.bytes, to: recipient)
        let opened = try ObliviousGateway(keys: keys, maximumMessageBytes: 5000).open(request.message.span.bytes)
        var sizes: Set<Int> = []
        for names in [["", "", ""], ["a", "bb", "ccc"], [String](repeating: "abcdefghijklmnopqrstuvwx", count: 3)] {
            let answer = try Self.answer(layout, names)
            sizes.insert(try opened.sealer.seal(answer.bytes).count)
        }
        for status in 1...7 as ClosedRange<UInt16> {
            let answer = ClassificationAnswer.encodeBinaryResponse(
                refusal: AnswerStatus(rawValue: status), layout: layout)
            sizes.insert(try opened.sealer.seal(answer.bytes).count)
        }
        #expect(sizes.count == 1)
    }

    @Test("A decoded answer equals the encoded one")
    func roundTrip() throws {
        let layout = try AnswerLayout(classCount: 3, nameByteCount: 8)
        let names = ["größe", "", "12345678"]
        let message = try Self.answer(layout, names)
        let answer = try ClassificationAnswer(binaryResponse: message.bytes)
        #expect(answer.status == .answered)
        #expect(answer.entries.map(\.name) == names)
        #expect(answer.entries.map(\.index) == [0, 100, 200])
        #expect(answer.entries.map(\.probability) == [1, 0.5, 1 / 3])
        let refused = ClassificationAnswer.encodeBinaryResponse(refusal: .unknownToken, layout: layout)
        let found = try ClassificationAnswer(binaryResponse: refused.bytes)
        #expect(found.status == .unknownToken && found.entries.isEmpty)
    }

    @Test(
        "A name that is too long, and an invalid probability, are not encoded",
        arguments: [
            Float.nan, -0.1, 1.1, .infinity,
        ])
    func outOfRange(probability: Float) throws {
        let layout = try AnswerLayout(classCount: 1, nameByteCount: 2)
        func code(_ probability: Float, _ name: [UInt8]) -> SealedChannelError.Code? {
            refusal { () throws(SealedChannelError) in
                _ = try ClassificationAnswer.encodeBinaryResponse(layout: layout) {
                    (_, entry) throws(SealedChannelError) in
                    try entry.write(index: 0, probability: probability, name: name.span.bytes)
                }
            }
        }
        #expect(code(1, [65, 65]) == nil)
        #expect(code(1, [65, 65, 65]) == .invalidValue)
        #expect(code(probability, [65]) == .invalidValue)
    }

    @Test("A damaged answer is decoded or refused and never traps; a truncated or extended one is refused")
    func mutations() throws {
        let layout = try AnswerLayout(classCount: 2, nameByteCount: 5)
        let message = try Self.answer(layout, ["abc", "de"])
        let body = array(message).suffix(layout.byteCount + 1).dropLast()
        let bytes = Array(body)
        func code(_ bytes: [UInt8]) -> SealedChannelError.Code? {
            refusal { () throws(SealedChannelError) in _ = try ClassificationAnswer(decoding: bytes.span.bytes) }
        }
        #expect(code(bytes) == nil)
        for altered in flips(bytes) { #expect([nil, .malformed, .unsupportedVersion].contains(code(altered))) }
        for short in truncations(bytes) { #expect(code(short) == .malformed) }
        #expect(code(bytes + [0]) == .malformed)
        // A refusal with an entry, bytes after a name, and an entry count of zero.
        for (position, value) in [(2, 1), (8 + 10 + 4, 1), (4, 0)] as [(Int, UInt8)] {
            var altered = bytes
            altered[position] = value
            #expect(code(altered) == .malformed)
        }
    }
}
