// SPDX-License-Identifier: Apache-2.0
import SealedChannel
import SecretMemory
import Testing

@Suite("Sealed parts")
struct SealedPartTests {
    private static let modelKey = ModelKey.random()
    private static let template = ContentDigest(of: [1, 2, 3])
    private static let chunk = 64
    private static let plaintext = (0..<200).map { UInt8($0) }

    private static func seal(_ plaintext: [UInt8] = plaintext, as name: SealedPart.Name = .frontNet) throws -> [UInt8] {
        try SealedPart.seal(
            plaintext.span.bytes, as: name, modelKey: modelKey, context: template, chunkByteCount: chunk,
            seed: [UInt8](repeating: 9, count: 32))
    }

    /// The refusal of a part, which must name it.
    private static func refusal(
        _ sealed: [UInt8], as name: SealedPart.Name = .frontNet, key: ModelKey = modelKey,
        template: ContentDigest = template
    ) -> SealedChannelError.Code? {
        do throws(SealedChannelError) {
            _ = try SealedPart.open(sealed.span.bytes, as: name, modelKey: key, context: template)
            return nil
        } catch {
            #expect(error.message.contains("part '\(name)'"))
            return error.code
        }
    }

    @Test("Parts agree with the reference byte for byte", arguments: 0..<3)
    func interoperates(index: Int) throws {
        let vector = Vectors.stored.parts[index]
        let name = try #require(SealedPart.Name(vector.name))
        let key = try #require(parsedModelKey(vector.modelKey))
        let template = try #require(ContentDigest(hexadecimal: vector.context))
        let sealed = try SealedPart.seal(
            hex(vector.plaintext).span.bytes, as: name, modelKey: key, context: template,
            chunkByteCount: vector.chunkBytes, seed: hex(vector.seed))
        #expect(sealed == hex(vector.sealed))
        let opened = try SealedPart.open(sealed.span.bytes, as: name, modelKey: key, context: template)
        #expect(array(opened) == hex(vector.plaintext))
    }

    @Test("An opened part equals the sealed data", arguments: [0, 1, 65_535, 65_536, 65_537, 200_000])
    func roundTrip(count: Int) throws {
        let plaintext = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let sealed = try SealedPart.seal(
            plaintext.span.bytes, as: .mapping, modelKey: Self.modelKey, context: Self.template)
        let opened = try SealedPart.open(
            sealed.span.bytes, as: .mapping, modelKey: Self.modelKey, context: Self.template)
        #expect(array(opened) == plaintext)
        let again = try SealedPart.seal(
            plaintext.span.bytes, as: .mapping, modelKey: Self.modelKey, context: Self.template)
        #expect(again != sealed)
    }

    @Test("A flipped byte anywhere is refused with the part's name")
    func flipped() throws {
        let sealed = try Self.seal()
        #expect(Self.refusal(sealed) == nil)
        for altered in flips(sealed) { #expect(Self.refusal(altered) != nil) }
    }

    @Test("A truncated or extended part is refused")
    func truncated() throws {
        for plaintext in [Self.plaintext, [UInt8](repeating: 1, count: 128), []] {
            let sealed = try Self.seal(plaintext)
            for short in truncations(sealed) { #expect(Self.refusal(short) == .damagedPart) }
            #expect(Self.refusal(sealed + [0]) == .damagedPart)
        }
    }

    @Test("Dropped, swapped and repeated chunks are refused, even if the header's length matches")
    func reordered() throws {
        let sealed = try Self.seal([UInt8](repeating: 7, count: 192))
        let header = Array(sealed[..<88])
        let chunks = (0..<3).map { Array(sealed[(88 + 80 * $0)..<(88 + 80 * ($0 + 1))]) }
        for order in [[1, 0, 2], [0, 2, 1], [2, 1, 0], [0, 0, 2], [0, 1, 1]] {
            #expect(Self.refusal(header + order.flatMap { chunks[$0] }) == .undecryptable)
        }
        var shorter = header
        shorter[16] = 128
        #expect(Self.refusal(shorter + chunks[0] + chunks[1]) == .undecryptable)
        #expect(Self.refusal(shorter + chunks[0] + chunks[2]) == .undecryptable)
    }

    @Test("Another key, bundle or sealing is refused")
    func others() throws {
        let sealed = try Self.seal()
        #expect(Self.refusal(sealed, key: .random()) == .undecryptable)
        #expect(Self.refusal(sealed, template: ContentDigest(of: [9])) == .undecryptable)
        let other = try SealedPart.seal(
            Self.plaintext.span.bytes, as: .frontNet, modelKey: Self.modelKey, context: Self.template,
            chunkByteCount: Self.chunk, seed: [UInt8](repeating: 8, count: 32))
        #expect(Self.refusal(Array(sealed[..<88]) + Array(other[88...])) == .undecryptable)
    }

    @Test("A part under another name is refused, even with a rewritten header")
    func otherName() throws {
        let sealed = try Self.seal(as: .mapping)
        #expect(Self.refusal(sealed, as: .frontNet) == .wrongPart)
        let front = try Self.seal(as: .frontNet)
        #expect(Self.refusal(Array(front[..<56]) + Array(sealed[56...]), as: .frontNet) == .undecryptable)
    }

    @Test("Unknown versions and invalid headers are refused before memory is allocated")
    func headers() throws {
        let sealed = try Self.seal()
        func altered(_ position: Int, _ bytes: [UInt8]) -> [UInt8] {
            var copy = sealed
            copy.replaceSubrange(position..<position + bytes.count, with: bytes)
            return copy
        }
        #expect(Self.refusal(altered(8, [1])) == .unsupportedVersion)
        #expect(Self.refusal(altered(8, [3])) == .unsupportedVersion)
        #expect(Self.refusal(altered(0, [0])) == .damagedPart)
        #expect(Self.refusal(altered(12, [0, 0, 0, 0])) == .damagedPart)
        #expect(Self.refusal(altered(12, [255, 255, 255, 255])) == .damagedPart)
        #expect(Self.refusal(altered(16, [UInt8](repeating: 255, count: 8))) == .damagedPart)
        #expect(Self.refusal(altered(16, [0, 0, 0, 0, 4, 0, 0, 0])) == .damagedPart)
        #expect(Self.refusal(altered(24, [0])) == .damagedPart)
        #expect(Self.refusal(altered(55, [65])) == .damagedPart)
        for name in ["", "Front", "a/b", "a b", String(repeating: "a", count: 33)] {
            #expect(SealedPart.Name(name) == nil)
        }
    }

    @Test("Each part has its own derived key, so the same plaintext never gives the same ciphertext")
    func separation() throws {
        let (front, mapping) = (try Self.seal(as: .frontNet), try Self.seal(as: .mapping))
        #expect(front[88...] != mapping[88...])
    }
}
