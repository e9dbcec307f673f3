// SPDX-License-Identifier: Apache-2.0
/// The body of a TDX quote: the TDX module's statement about a trust domain (TD). Byte strings are in the order of the
/// report.
///
/// - Source: Intel TDX DCAP Quoting Library API, appendix; Intel TDX module ABI specification.
package struct TDReport: Sendable, Hashable {
    /// Versions of the body. Each extends the previous one.
    package enum Version: Sendable, Hashable {
        case v10, v15, v15Extended

        package var byteCount: Int {
            switch self {
            case .v10: 584
            case .v15: 648
            case .v15Extended: 885
            }
        }
    }

    package let version: Version
    package let bytes: [UInt8]

    /// - Throws: ``EvidenceError`` (malformed) for a length other than the version's.
    package init(_ bytes: [UInt8], _ version: Version) throws(EvidenceError) {
        guard bytes.count == version.byteCount else {
            throw EvidenceError(
                .malformed, "a TD report has \(bytes.count) bytes; expected \(version.byteCount)")
        }
        self.version = version
        self.bytes = bytes
    }

    /// Security versions of the TDX module at launch: `[0]` the module's SVN, `[1]` its major version.
    package var teeTCBSVN: [UInt8] { Array(bytes[0..<16]) }
    package var mrSEAM: [UInt8] { Array(bytes[16..<64]) }
    /// All zero for a module that Intel signed.
    package var mrSignerSEAM: [UInt8] { Array(bytes[64..<112]) }
    package var seamAttributes: [UInt8] { Array(bytes[112..<120]) }
    /// Little-endian bits.
    package var attributes: [UInt8] { Array(bytes[120..<128]) }
    package var xfam: [UInt8] { Array(bytes[128..<136]) }
    package var mrTD: [UInt8] { Array(bytes[136..<184]) }
    package var mrConfigID: [UInt8] { Array(bytes[184..<232]) }
    package var mrOwner: [UInt8] { Array(bytes[232..<280]) }
    package var mrOwnerConfig: [UInt8] { Array(bytes[280..<328]) }
    /// The four run-time measurement registers.
    package var rtmrs: [[UInt8]] { (0..<4).map { Array(bytes[(328 + 48 * $0)..<(376 + 48 * $0)]) } }
    package var reportData: [UInt8] { Array(bytes[520..<584]) }

    /// Security versions of the module that runs now; `nil` in version 1.0.
    package var currentTEETCBSVN: [UInt8]? { version == .v10 ? nil : Array(bytes[584..<600]) }
    /// `nil` in version 1.0.
    package var mrServiceTD: [UInt8]? { version == .v10 ? nil : Array(bytes[600..<648]) }

    /// Whether any bit of the group "TD under debug" (bits 7 to 0) is set, not only DEBUG: each lets the host inspect
    /// the TD.
    package var isDebug: Bool { bytes[120] != 0 }
    /// Flags by name. `septVEDisable` (bit 28): the host cannot cause exceptions in the TD by removing its pages.
    package var flags: [String: Bool] { ["septVEDisable": bytes[123] & 0x10 != 0] }
    /// Whether the TD may be moved to another host by a migration TD (bit 29).
    package var isMigratable: Bool { bytes[123] & 0x20 != 0 }
}
