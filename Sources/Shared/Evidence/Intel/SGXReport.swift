// SPDX-License-Identifier: Apache-2.0
/// The report body of an SGX enclave, 384 bytes: that of the application's enclave, or that of the quoting enclave (QE)
/// which attests it. Byte strings are in the order of the report.
///
/// - Source: Intel SGX ECDSA QuoteLib Reference, `sgx_report_body_t`.
package struct SGXReport: Sendable, Hashable {
    package static let byteCount = 384

    package let bytes: [UInt8]

    /// - Throws: ``EvidenceError`` (malformed) for another length.
    package init(_ bytes: [UInt8]) throws(EvidenceError) {
        guard bytes.count == Self.byteCount else {
            throw EvidenceError(.malformed, "an SGX report has \(bytes.count) bytes; expected \(Self.byteCount)")
        }
        self.bytes = bytes
    }

    package var cpuSVN: [UInt8] { Array(bytes[0..<16]) }
    package var miscSelect: [UInt8] { Array(bytes[16..<20]) }
    package var extendedProductID: [UInt8] { Array(bytes[32..<48]) }
    /// Flags (8 bytes, little-endian), then XFRM (8).
    package var attributes: [UInt8] { Array(bytes[48..<64]) }
    package var mrEnclave: [UInt8] { Array(bytes[64..<96]) }
    package var mrSigner: [UInt8] { Array(bytes[128..<160]) }
    package var configID: [UInt8] { Array(bytes[192..<256]) }
    package var productID: Int { Int(bytes[256]) | Int(bytes[257]) << 8 }
    /// The security version number of the enclave.
    package var svn: Int { Int(bytes[258]) | Int(bytes[259]) << 8 }
    package var configSVN: Int { Int(bytes[260]) | Int(bytes[261]) << 8 }
    package var familyID: [UInt8] { Array(bytes[304..<320]) }
    package var reportData: [UInt8] { Array(bytes[320..<384]) }

    /// Whether the host may read and change the enclave's memory (ATTRIBUTES.DEBUG).
    package var isDebug: Bool { bytes[48] & 0x02 != 0 }
}
