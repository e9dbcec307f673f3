// SPDX-License-Identifier: Apache-2.0
/// What a TEE binds into its evidence: the verifier's nonce, the keys that clients encrypt to, the manifest and its
/// owner, the run of the enclave, and the enclave's facts. The `report_data` of the evidence is SHA-512 of
/// ``encoded()``.
///
/// Layout: `"infenclave report data v2"`, a zero byte, then nonce, key configuration and facts, each with a 32-bit
/// little-endian length prefix, then manifest digest (32), owner key (32) and epoch (16) without prefix.
package struct ReportTranscript: Sendable, Hashable {
    /// Allowed lengths of a nonce in bytes; clients use 32.
    package static let nonceByteCounts = 16...64
    /// The size of an epoch in bytes.
    package static let epochByteCount = 16
    /// The size of the `report_data` field of every TEE.
    package static let reportDataByteCount = 64
    /// Limit of a list of two key configurations, in bytes.
    package static let maximumKeyConfigurationBytes = 8192

    static let label = "infenclave report data v2"

    /// The verifier's nonce.
    package let nonce: [UInt8]
    /// An `application/ohttp-keys` list (RFC 9458, section 3), byte for byte.
    package let keyConfiguration: [UInt8]
    /// ``EnclaveFacts``, encoded.
    package let facts: [UInt8]
    /// SHA-256 of the manifest core.
    package let manifestDigest: [UInt8]
    /// The owner's Ed25519 key, 32 bytes.
    package let ownerPublicKey: [UInt8]
    /// Random bytes that the enclave generated when it started.
    package let epoch: [UInt8]

    /// - Throws: ``EvidenceError`` (malformed) when a length is not as stated above.
    package init(
        nonce: [UInt8], keyConfiguration: [UInt8], facts: [UInt8], manifestDigest: [UInt8], ownerPublicKey: [UInt8],
        epoch: [UInt8]
    ) throws(EvidenceError) {
        try Self.check(nonce, "the nonce", Self.nonceByteCounts)
        try Self.check(keyConfiguration, "the key configuration", 1...Self.maximumKeyConfigurationBytes)
        try Self.check(facts, "the enclave's facts", 1...EnclaveFacts.maximumBytes)
        try Self.check(manifestDigest, "the manifest digest", 32...32)
        try Self.check(ownerPublicKey, "the owner's public key", 32...32)
        try Self.check(epoch, "the epoch", Self.epochByteCount...Self.epochByteCount)
        self.nonce = nonce
        self.keyConfiguration = keyConfiguration
        self.facts = facts
        self.manifestDigest = manifestDigest
        self.ownerPublicKey = ownerPublicKey
        self.epoch = epoch
    }

    package static func check(_ bytes: [UInt8], _ what: String, _ counts: ClosedRange<Int>) throws(EvidenceError) {
        guard counts.contains(bytes.count) else {
            let expected = counts.count == 1 ? "\(counts.lowerBound)" : "\(counts.lowerBound) to \(counts.upperBound)"
            throw EvidenceError(.malformed, "\(what) has \(bytes.count) bytes; expected \(expected)")
        }
    }

    /// The bytes whose SHA-512 is the `report_data`.
    package func encoded() -> [UInt8] {
        var bytes = Array(Self.label.utf8) + [0]
        for field in [nonce, keyConfiguration, facts] {
            withUnsafeBytes(of: UInt32(field.count).littleEndian) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: field)
        }
        return bytes + manifestDigest + ownerPublicKey + epoch
    }
}
