// SPDX-License-Identifier: Apache-2.0
internal import Crypto
internal import FoundationEssentials
package import SecretMemory

/// A part of a bundle, sealed under the model key: `frontnet.sealed` and `mapping.sealed`.
///
/// Header, 88 bytes, little-endian: "INFPART" and a zero byte ‖ version u32 = 2 ‖ chunk size u32 ‖ plaintext bytes u64
/// ‖ part name, 32 bytes padded with zeros ‖ seed, 32 random bytes. Then the chunks: each the AES-256-GCM ciphertext of
/// `chunk size` bytes (the last: of what remains, which is nothing only for an empty plaintext) and its 16-byte tag.
///
/// Key: HKDF-SHA256 of the model key with the sealing context as salt and "infenclave sealed part v2" ‖ 0 ‖ name ‖ seed
/// as info. The seed makes the key differ between two sealings, so that no nonce ever repeats under a key. Nonce: seven
/// zeros ‖ chunk index u32, big-endian ‖ 1 for the last chunk, else 0. Associated data: header ‖ sealing context ‖
/// chunk index u64 ‖ 1 or 0. So a chunk cannot be decrypted at another position, or in another part, bundle or version.
package enum SealedPart {
    package static let version: UInt32 = 2
    package static let chunkByteCount = 65_536
    /// The largest plaintext.
    package static let maximumByteCount = 1 << 34
    static let chunkSizes = 64...(1 << 20)

    /// Which part of a bundle: 1 to 32 characters of `a`-`z`, `0`-`9`, `-`, `.`.
    package struct Name: Sendable, Hashable, CustomStringConvertible {
        package let description: String
        static let byteCount = 32

        package static let frontNet = Name(unchecked: "frontnet")
        package static let mapping = Name(unchecked: "mapping")

        package init?(_ name: String) {
            guard (1...Self.byteCount).contains(name.utf8.count), name.utf8.allSatisfy(Self.isAllowed) else {
                return nil
            }
            description = name
        }

        private init(unchecked name: String) { description = name }

        private static func isAllowed(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            }
        }

        fileprivate init?(padded: [UInt8]) {
            let name = padded.prefix { $0 != 0 }
            guard padded.dropFirst(name.count).allSatisfy({ $0 == 0 }) else { return nil }
            self.init(String(decoding: name, as: UTF8.self))
        }

        fileprivate var padded: [UInt8] {
            Array(description.utf8) + [UInt8](repeating: 0, count: Self.byteCount - description.utf8.count)
        }
    }

    /// Bytes of the file that ``seal(_:as:modelKey:context:)`` makes from this many.
    package static func sealedByteCount(plaintextByteCount: Int) -> Int {
        let header = Header(
            chunkByteCount: chunkByteCount, byteCount: plaintextByteCount, name: .frontNet,
            seed: [UInt8](repeating: 0, count: Header.seedByteCount))
        return header.sealedByteCount
    }

    /// Seals a part.
    ///
    /// - Parameter context: SHA-256 of the manifest core with zeros in place of all digests.
    /// - Throws: ``SealedChannelError``: `.invalidValue` over ``maximumByteCount``, `.cryptography`.
    package static func seal(
        _ plaintext: RawSpan, as name: Name, modelKey: ModelKey, context: ContentDigest
    ) throws(SealedChannelError) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        let seed = (0..<Header.seedByteCount).map { _ in generator.next() as UInt8 }
        return try seal(
            plaintext, as: name, modelKey: modelKey, context: context, chunkByteCount: chunkByteCount,
            seed: seed)
    }

    /// With a given chunk size and seed, for vectors.
    package static func seal(
        _ plaintext: RawSpan, as name: Name, modelKey: ModelKey, context: ContentDigest, chunkByteCount: Int,
        seed: [UInt8]
    ) throws(SealedChannelError) -> [UInt8] {
        var sealed: [UInt8] = []
        var sealer = try SealedPartSealer(
            byteCount: plaintext.byteCount, as: name, modelKey: modelKey, context: context,
            chunkByteCount: chunkByteCount, seed: seed
        ) { sealed.append(contentsOf: $0) }
        sealed.reserveCapacity(sealer.sealedByteCount)
        try plaintext.withUnsafeBytes { (bytes) throws(SealedChannelError) in
            try sealer.seal(bytes) { sealed.append(contentsOf: $0) }
        }
        try sealer.finish { sealed.append(contentsOf: $0) }
        return sealed
    }

    /// Opens a part. Nothing is returned unless every byte is authentic.
    ///
    /// - Throws: ``SealedChannelError``, naming the part: `.damagedPart` (not such a file, cut short or lengthened),
    ///   `.unsupportedVersion`, `.wrongPart`, `.undecryptable` (wrong key, altered bytes, or a part of another bundle).
    package static func open(
        _ sealed: RawSpan, as name: Name, modelKey: ModelKey, context: ContentDigest
    ) throws(SealedChannelError) -> SecretBytes {
        let header = try Header(sealed, expecting: name, sealedByteCount: sealed.byteCount)
        let cipher = ChunkCipher(header, modelKey: modelKey, context: context)
        return try SecretBytes(count: header.byteCount) { (target) throws(SealedChannelError) in
            for index in 0..<header.chunkCount {
                try cipher.open(
                    sealed.extracting(header.sealed(index)), index: index,
                    into: UnsafeMutableRawBufferPointer(rebasing: target[header.plaintext(of: index)]))
            }
        }
    }

    /// The fields before the chunks.
    struct Header {
        static let byteCount = 8 + 4 + 4 + 8 + Name.byteCount + seedByteCount
        static let seedByteCount = 32
        private static let magic = Array("INFPART\0".utf8)

        let chunkByteCount: Int
        let byteCount: Int
        let name: Name
        let seed: [UInt8]

        init(chunkByteCount: Int, byteCount: Int, name: Name, seed: [UInt8]) {
            self.chunkByteCount = chunkByteCount
            self.byteCount = byteCount
            self.name = name
            self.seed = seed
        }

        /// - Parameter sealedByteCount: Of the whole file.
        init(_ sealed: RawSpan, expecting name: Name, sealedByteCount found: Int) throws(SealedChannelError) {
            try self.init(sealed, expecting: name)
            guard found == sealedByteCount else {
                throw SealedChannelError(
                    .damagedPart,
                    "part '\(name)' has \(found) bytes, its header says \(sealedByteCount); copy it again")
            }
        }

        private init(_ sealed: RawSpan, expecting name: Name) throws(SealedChannelError) {
            var reader = SpanReader(sealed, of: "header")
            do throws(SealedChannelError) {
                guard try reader.array(8, "magic") == Self.magic else { throw reader.malformed("not a sealed part") }
                let version = try reader.littleEndian(UInt32.self, "version")
                guard version == SealedPart.version else {
                    throw SealedChannelError(
                        .unsupportedVersion,
                        "version \(version), expected \(SealedPart.version); make the bundle again with this version's "
                            + "`infenclave partition`")
                }
                let chunk = try reader.littleEndian(UInt32.self, "chunk size")
                let total = try reader.littleEndian(UInt64.self, "length")
                guard SealedPart.chunkSizes.contains(Int(chunk)), total <= UInt64(SealedPart.maximumByteCount) else {
                    throw reader.malformed("chunk size \(chunk), length \(total)")
                }
                guard let found = Name(padded: try reader.array(Name.byteCount, "part name")) else {
                    throw reader.malformed("the part name is not one")
                }
                guard found == name else { throw SealedChannelError(.wrongPart, "the file holds part '\(found)'") }
                chunkByteCount = Int(chunk)
                byteCount = Int(total)
                self.name = name
                seed = try reader.array(Self.seedByteCount, "seed")
            } catch {
                let code = error.code == .malformed ? SealedChannelError.Code.damagedPart : error.code
                throw SealedChannelError(code, "part '\(name)': \(error.message)")
            }
        }

        /// Where the plaintext of a chunk lies.
        func plaintext(of chunk: Int) -> Range<Int> {
            let start = chunk * chunkByteCount
            return start..<min(start + chunkByteCount, byteCount)
        }

        /// Where a chunk lies in the file.
        func sealed(_ chunk: Int) -> Range<Int> {
            let start = Self.byteCount + chunk * (chunkByteCount + ChannelCipher.tagByteCount)
            return start..<start + plaintext(of: chunk).count + ChannelCipher.tagByteCount
        }

        var chunkCount: Int { max(1, (byteCount + chunkByteCount - 1) / chunkByteCount) }
        var sealedByteCount: Int { Self.byteCount + byteCount + chunkCount * ChannelCipher.tagByteCount }

        var bytes: [UInt8] {
            SpanWriter.array(Self.byteCount) { writer in
                writer.bytes(Self.magic)
                writer.littleEndian(SealedPart.version)
                writer.littleEndian(UInt32(chunkByteCount))
                writer.littleEndian(UInt64(byteCount))
                writer.bytes(name.padded)
                writer.bytes(seed)
            }
        }
    }

    /// Seals and opens the chunks of one part.
    struct ChunkCipher {
        private let header: Header
        private let key: SymmetricKey
        private let associatedData: [UInt8]

        init(_ header: Header, modelKey: ModelKey, context: ContentDigest) {
            self.header = header
            key = modelKey.derive(
                salt: context.bytes,
                info: Labels.prefix(Labels.sealedPart) + header.name.padded + header.seed)
            associatedData = header.bytes + context.bytes
        }

        func seal(_ chunk: UnsafeRawBufferPointer, index: Int) throws(SealedChannelError) -> [UInt8] {
            do {
                let box = try AES.GCM.seal(
                    chunk, using: key, nonce: AES.GCM.Nonce(data: nonce(index)), authenticating: associatedData(index))
                return [UInt8](box.ciphertext) + box.tag
            } catch {
                throw SealedChannelError(.cryptography, "part '\(header.name)': sealing failed")
            }
        }

        func open(
            _ sealed: RawSpan, index: Int, into target: UnsafeMutableRawBufferPointer
        ) throws(SealedChannelError) {
            do {
                try sealed.withUnsafeBytes { bytes in
                    let data = Data(borrowing: bytes)
                    let box = try AES.GCM.SealedBox(
                        nonce: AES.GCM.Nonce(data: nonce(index)), ciphertext: data.dropLast(ChannelCipher.tagByteCount),
                        tag: data.suffix(ChannelCipher.tagByteCount))
                    var plaintext = try AES.GCM.open(box, using: key, authenticating: associatedData(index))
                    plaintext.withUnsafeMutableBytes { source in
                        target.copyMemory(from: UnsafeRawBufferPointer(source))
                        SecretBytes.wipe(source)
                    }
                }
            } catch {
                throw SealedChannelError(
                    .undecryptable,
                    "part '\(header.name)' does not open at chunk \(index): the model key is another bundle's, or the "
                        + "part was altered")
            }
        }

        private func isLast(_ index: Int) -> UInt8 { index == header.chunkCount - 1 ? 1 : 0 }

        private func nonce(_ index: Int) -> [UInt8] {
            SpanWriter.array(ChannelCipher.nonceByteCount) { writer in
                writer.zeros(7)
                writer.bigEndian(UInt32(index))
                writer.bigEndian(isLast(index))
            }
        }

        private func associatedData(_ index: Int) -> [UInt8] {
            associatedData
                + SpanWriter.array(9) { writer in
                    writer.littleEndian(UInt64(index))
                    writer.littleEndian(isLast(index))
                }
        }
    }
}
