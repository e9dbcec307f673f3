// SPDX-License-Identifier: Apache-2.0
/// An attestation report of AMD SEV-SNP, versions 2 to 5, parsed but not verified. Integers are little-endian.
///
/// - Source: AMD 56860, SEV-SNP Firmware ABI, ATTESTATION_REPORT.
package struct SNPReport: Sendable, Hashable {
    package static let byteCount = 1184
    /// ECDSA P-384 with SHA-384.
    private static let ecdsaP384: UInt32 = 1

    package enum SigningKey: Sendable, Hashable {
        /// Derived from the chip and its firmware versions.
        case vcek
        /// Given by AMD to a cloud.
        case vlek
        case other(UInt8)
    }

    package let bytes: [UInt8]

    /// - Throws: ``EvidenceError`` for another length, or for an unknown version or algorithm.
    package init(parsing bytes: [UInt8]) throws(EvidenceError) {
        guard bytes.count == Self.byteCount else {
            throw EvidenceError(.malformed, "an SNP report has \(bytes.count) bytes; expected \(Self.byteCount)")
        }
        self.bytes = bytes
        guard (2...5).contains(version) else {
            throw EvidenceError(.unsupported, "the SNP report has version \(version); expected 2 to 5")
        }
        let algorithm = integer(0x34, UInt32.self)
        guard algorithm == Self.ecdsaP384 else {
            throw EvidenceError(.unsupported, "the SNP report has signature algorithm \(algorithm); expected 1")
        }
        guard bytes[0x330...].allSatisfy({ $0 == 0 }) else {
            throw EvidenceError(.malformed, "the SNP report has data in the reserved bytes behind its signature")
        }
    }

    private func integer<Value: FixedWidthInteger>(_ offset: Int, _: Value.Type) -> Value {
        bytes[offset..<(offset + MemoryLayout<Value>.size)].reversed().reduce(0) { $0 << 8 | Value($1) }
    }

    package var version: UInt32 { integer(0, UInt32.self) }
    package var guestSVN: UInt32 { integer(0x04, UInt32.self) }
    package var policy: UInt64 { integer(0x08, UInt64.self) }
    package var familyID: [UInt8] { Array(bytes[0x10..<0x20]) }
    package var imageID: [UInt8] { Array(bytes[0x20..<0x30]) }
    /// 0 to 3 when the guest requested the report, `0xffffffff` when the host did.
    package var vmpl: UInt32 { integer(0x30, UInt32.self) }
    package var currentTCB: [UInt8] { Array(bytes[0x38..<0x40]) }
    package var platformInfo: UInt64 { integer(0x40, UInt64.self) }
    package var reportData: [UInt8] { Array(bytes[0x50..<0x90]) }
    package var measurement: [UInt8] { Array(bytes[0x90..<0xC0]) }
    package var hostData: [UInt8] { Array(bytes[0xC0..<0xE0]) }
    package var idKeyDigest: [UInt8] { Array(bytes[0xE0..<0x110]) }
    package var authorKeyDigest: [UInt8] { Array(bytes[0x110..<0x140]) }
    package var reportID: [UInt8] { Array(bytes[0x140..<0x160]) }
    /// The firmware versions that the signing key was derived from. Hosts may report lower versions than the running
    /// ones.
    package var reportedTCB: [UInt8] { Array(bytes[0x180..<0x188]) }
    /// Combined family and model of the CPU; `nil` in version 2, which does not have them.
    package var processor: (family: UInt8, model: UInt8)? { version < 3 ? nil : (bytes[0x188], bytes[0x189]) }
    package var chipID: [UInt8] { Array(bytes[0x1A0..<0x1E0]) }
    package var committedTCB: [UInt8] { Array(bytes[0x1E0..<0x1E8]) }
    package var launchTCB: [UInt8] { Array(bytes[0x1F0..<0x1F8]) }
    /// Mitigations, one per bit, that were in place at launch; `nil` before version 5.
    package var launchMitigations: UInt64? { version < 5 ? nil : integer(0x1F8, UInt64.self) }
    /// Mitigations that are in place now; `nil` before version 5.
    package var currentMitigations: UInt64? { version < 5 ? nil : integer(0x200, UInt64.self) }

    package var isChipMasked: Bool { bytes[0x48] & 0x02 != 0 }
    package var signingKey: SigningKey {
        switch bytes[0x48] >> 2 & 7 {
        case 0: .vcek
        case 1: .vlek
        case let kind: .other(kind)
        }
    }

    /// Whether the host may read and change the guest's memory (policy bit 19).
    package var isDebug: Bool { policy >> 19 & 1 != 0 }
    /// Whether a migration agent may move the guest (policy bit 18).
    package var isMigratable: Bool { policy >> 18 & 1 != 0 }
    /// Whether policy bit 17, which must be one, is one.
    package var hasReservedPolicyBit: Bool { policy >> 17 & 1 != 0 }

    /// Flags by name: those of the machine (PLATFORM_INFO), then those of the guest's launch policy (POLICY).
    package var flags: [String: Bool] {
        let platform = [
            ("smt", 0), ("tsme", 1), ("ecc", 2), ("raplDisabled", 3), ("ciphertextHiding", 4), ("aliasCheck", 5),
        ]
        let guest = [
            ("smtAllowed", 16), ("singleSocket", 20), ("cxlAllowed", 21), ("aes256XTSRequired", 22),
            ("raplDisableRequired", 23), ("ciphertextHidingRequired", 24), ("pageSwapDisabled", 25),
        ]
        return Dictionary(
            uniqueKeysWithValues: platform.map { ($0, platformInfo >> $1 & 1 != 0) }
                + guest.map { ($0, policy >> $1 & 1 != 0) })
    }

    package var signedBytes: [UInt8] { Array(bytes[..<0x2A0]) }

    /// R and S, big-endian, 96 bytes. The report has both little-endian in 72 bytes each, of which 48 are used.
    ///
    /// - Returns: `nil` when one of the unused bytes is not zero.
    package var signature: [UInt8]? {
        guard bytes[0x2D0..<0x2E8].allSatisfy({ $0 == 0 }), bytes[0x318..<0x330].allSatisfy({ $0 == 0 }) else {
            return nil
        }
        return bytes[0x2A0..<0x2D0].reversed() + bytes[0x2E8..<0x318].reversed()
    }
}
