// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The signed, canonical part of a bundle's manifest. The enclave checks it, and clients rely on it. Its SHA-256 is the
/// bundle's manifest digest, which policies pin. `manifest.json` is its readable form, bound to it by a digest; the
/// enclave never reads `manifest.json`.
///
/// Layout, little-endian: `"INFCORE\0"` ‖ u16 version = 2 ‖ identifier (16) ‖ owner's Ed25519 key (32) ‖ u32 bytes of
/// the service facts ‖ ``ServiceFacts`` ‖ u8 n ‖ n parts, kinds ascending: u8 kind ‖ u64 bytes ‖ SHA-256 (32) ‖ SHA-256
/// of `manifest.json` (32).
public struct ManifestCore: Sendable, Hashable {
    /// A file of the bundle.
    public enum PartKind: UInt8, Sendable, Hashable, CaseIterable {
        case frontNet = 1
        case mappingUnit = 2
        case backNet = 3
        case backNetONNX = 4
        case backNetPrecision = 5
    }

    /// A file of the bundle, with its size and digest.
    public struct Part: Sendable, Hashable {
        /// Which file it is.
        public let kind: PartKind
        /// The file's size in bytes.
        public let byteCount: Int
        /// SHA-256 of the file.
        public let digest: [UInt8]

        /// - Throws: ``EvidenceError`` (malformed) for a digest that is not 32 bytes or a size out of range.
        package init(kind: PartKind, byteCount: Int, digest: [UInt8]) throws(EvidenceError) {
            try ReportTranscript.check(digest, "the digest of a part", 32...32)
            guard (0...ManifestCore.maximumPartBytes).contains(byteCount) else {
                throw EvidenceError(
                    .malformed, "a part of \(byteCount) bytes; expected at most \(ManifestCore.maximumPartBytes)")
            }
            self.kind = kind
            self.byteCount = byteCount
            self.digest = digest
        }
    }

    /// The version of the encoding.
    package static let version: UInt16 = 2
    /// Limit of the core's size in bytes. The boundary lists at most 512 tensors.
    package static let maximumBytes = 1 << 16
    /// Limit of the size of one part, the same as for sealed parts.
    package static let maximumPartBytes = 1 << 34
    /// The size of ``identifier`` in bytes.
    package static let identifierByteCount = 16
    static let magic = Array("INFCORE\0".utf8)

    /// Random, different in every bundle.
    public let identifier: [UInt8]
    /// Ed25519, 32 bytes.
    public let ownerPublicKey: [UInt8]
    /// What the sealed parts do.
    public let service: ServiceFacts
    /// In ascending order of their kinds, each at most once. FrontNet and mapping unit are required.
    public let parts: [Part]
    /// SHA-256 of `manifest.json`.
    public let textDigest: [UInt8]

    /// - Throws: ``EvidenceError`` (malformed) for a field of another length, or parts that are not those of a bundle.
    package init(
        identifier: [UInt8], ownerPublicKey: [UInt8], service: ServiceFacts, parts: [Part], textDigest: [UInt8]
    ) throws(EvidenceError) {
        try ReportTranscript.check(
            identifier, "the bundle's identifier", Self.identifierByteCount...Self.identifierByteCount)
        try ReportTranscript.check(ownerPublicKey, "the owner's public key", 32...32)
        try ReportTranscript.check(textDigest, "the digest of manifest.json", 32...32)
        let kinds = parts.map(\.kind.rawValue)
        guard zip(kinds, kinds.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw EvidenceError(.malformed, "manifest core: the parts are not in ascending order")
        }
        let needed: Set<PartKind> =
            service.isEverythingInside ? [.frontNet, .mappingUnit] : [.frontNet, .mappingUnit, .backNet]
        let found = Set(parts.map(\.kind))
        guard found.isSuperset(of: needed), !service.isEverythingInside || found == needed else {
            throw EvidenceError(.malformed, "manifest core: the parts are not those of such a bundle")
        }
        self.identifier = identifier
        self.ownerPublicKey = ownerPublicKey
        self.service = service
        self.parts = parts
        self.textDigest = textDigest
    }

    /// The file of this kind; `nil` where the bundle has none.
    package func part(_ kind: PartKind) -> Part? { parts.first { $0.kind == kind } }

    /// The signed bytes.
    package func encoded() -> [UInt8] { encoded(digests: true) }

    /// What the sealed parts are bound to: the core with zeros instead of all digests, since a part cannot be bound to
    /// its own digest.
    package var sealingContext: [UInt8] { encoded(digests: false) }

    private func encoded(digests: Bool) -> [UInt8] {
        let zeros = [UInt8](repeating: 0, count: 32)
        var writer = ByteWriter()
        writer.write(bytes: Self.magic)
        writer.write(Self.version)
        writer.write(bytes: identifier)
        writer.write(bytes: ownerPublicKey)
        let service = service.encoded()
        writer.write(UInt32(service.count))
        writer.write(bytes: service)
        writer.write(UInt8(parts.count))
        for part in parts {
            writer.write(part.kind.rawValue)
            writer.write(UInt64(part.byteCount))
            writer.write(bytes: digests ? part.digest : zeros)
        }
        writer.write(bytes: digests ? textDigest : zeros)
        return writer.bytes
    }

    /// - Throws: ``EvidenceError``: `malformed`, `unsupported` for another version.
    package init(decoding bytes: [UInt8]) throws(EvidenceError) {
        guard bytes.count <= Self.maximumBytes else {
            throw EvidenceError(
                .malformed, "manifest core: \(bytes.count) bytes; expected at most \(Self.maximumBytes)")
        }
        let fields: Fields
        do throws(TensorError) { fields = try Fields(bytes.span.bytes) } catch {
            throw EvidenceError(.malformed, "manifest core: \(error.message)")
        }
        guard fields.version == Self.version else {
            throw EvidenceError(
                .unsupported,
                "manifest core: version \(fields.version), expected \(Self.version); make the bundle again with this "
                    + "version's `infenclave partition`")
        }
        var parts: [Part] = []
        for (code, byteCount, digest) in fields.parts {
            guard let kind = PartKind(rawValue: code), let byteCount = Int(exactly: byteCount) else {
                throw EvidenceError(.malformed, "manifest core: part \(code) of \(byteCount) bytes")
            }
            parts.append(try Part(kind: kind, byteCount: byteCount, digest: digest))
        }
        try self.init(
            identifier: fields.identifier, ownerPublicKey: fields.ownerPublicKey,
            service: try ServiceFacts(decoding: fields.service), parts: parts, textDigest: fields.textDigest)
    }
}

/// The raw fields. For an unknown version only the version number is read.
private struct Fields {
    let version: UInt16
    var identifier: [UInt8] = []
    var ownerPublicKey: [UInt8] = []
    var service: [UInt8] = []
    var parts: [(code: UInt8, byteCount: UInt64, digest: [UInt8])] = []
    var textDigest: [UInt8] = []

    init(_ bytes: RawSpan) throws(TensorError) {
        var reader = ByteReader(bytes)
        guard try reader.readBytes(ManifestCore.magic.count, "magic") == ManifestCore.magic else {
            throw TensorError(.malformed, "the magic is wrong")
        }
        version = try reader.read("version")
        guard version == ManifestCore.version else { return }
        identifier = try reader.readBytes(ManifestCore.identifierByteCount, "identifier")
        ownerPublicKey = try reader.readBytes(32, "owner's key")
        service = try reader.readBytes(Int(try reader.read(UInt32.self, "service facts")), "service facts")
        for _ in 0..<(try reader.read(UInt8.self, "parts")) {
            parts.append((try reader.read("part"), try reader.read("bytes"), try reader.readBytes(32, "digest")))
        }
        textDigest = try reader.readBytes(32, "digest of manifest.json")
        try reader.finish()
    }
}
