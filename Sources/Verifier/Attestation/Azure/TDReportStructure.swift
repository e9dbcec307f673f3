// SPDX-License-Identifier: Apache-2.0
import Crypto
import Evidence

/// A TDREPORT: a statement of the TDX module about a trust domain, for its own platform. Its authenticity can be
/// checked on that platform only; here it is compared with a quote.
///
/// - Source: Intel TDX Module ABI Specification, TDREPORT_STRUCT.
struct TDReportStructure: Sendable, Hashable {
    static let byteCount = 1024

    private let bytes: [UInt8]

    /// - Throws: ``EvidenceError`` (malformed) for another length, or parts that do not have the digests that it states.
    init(_ bytes: [UInt8]) throws(EvidenceError) {
        guard bytes.count == Self.byteCount else {
            throw EvidenceError(.malformed, "a TDREPORT has \(bytes.count) bytes; expected \(Self.byteCount)")
        }
        self.bytes = bytes
        // TEE_TCB_INFO has 239 bytes at 256, TDINFO 512 at 512.
        guard bytes[0] == 0x81, bytes[32..<80].elementsEqual(SHA384.hash(data: bytes[256..<495])),
            bytes[80..<128].elementsEqual(SHA384.hash(data: bytes[512..<1024]))
        else { throw EvidenceError(.malformed, "the TDREPORT does not have the digests of its parts") }
    }

    var reportData: [UInt8] { Array(bytes[128..<192]) }
    /// The fields from the attributes to RTMR3, 400 bytes, in the order that quotes have.
    var domain: [UInt8] { Array(bytes[512..<(512 + 8 + 8 + 48 * 8)]) }
}
