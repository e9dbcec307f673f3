// SPDX-License-Identifier: Apache-2.0
import Crypto
import Evidence

/// What the paravisor of Azure's confidential machines stores in its TPM (NV index 0x01400001): the hardware's report,
/// and the runtime data, whose digest is the report data of that report. Integers are little-endian.
///
/// Layout: header of 32 bytes (`"HCLA"`, version, size, kind of request, status, 12 reserved), the hardware's report in
/// 1184 bytes, then 20 bytes (size, version, kind of report, kind of digest, size of the runtime data), the runtime data,
/// and zeros.
///
/// - Source: Microsoft, "Guest attestation for confidential VMs"; the tools of kinvolk/azure-cvm-tooling.
struct HCLReport: Sendable {
    enum Kind: UInt32, Sendable {
        case snp = 2
        case tdx = 4
    }

    static let maximumBytes = 16 << 10
    private static let headerBytes = 32
    private static let reportBytes = 1184
    private static let descriptionBytes = 20
    private static let sha256: UInt32 = 1

    let kind: Kind
    /// An SNP report, or a TDREPORT; 1184 or 1024 bytes.
    let hardwareReport: [UInt8]
    /// JSON, whose digest is the hardware's report data.
    let runtimeData: [UInt8]

    /// - Throws: ``EvidenceError`` (malformed, unsupported).
    init(parsing bytes: [UInt8]) throws(EvidenceError) {
        let start = Self.headerBytes + Self.reportBytes
        guard bytes.count >= start + Self.descriptionBytes, bytes.count <= Self.maximumBytes else {
            throw EvidenceError(.malformed, "the HCL report has \(bytes.count) bytes, which no report has")
        }
        guard bytes.starts(with: "HCLA".utf8) else {
            throw EvidenceError(.malformed, "the HCL report does not start with HCLA")
        }
        func number(_ offset: Int) -> UInt32 {
            bytes[offset..<(offset + 4)].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        guard (1...2).contains(number(4)), number(12) == 2, number(start + 4) == 1 else {
            throw EvidenceError(
                .unsupported,
                "the HCL report has version \(number(4)), request \(number(12)), version \(number(start + 4)) of its data; "
                    + "expected 1 or 2, 2, 1")
        }
        guard number(16) == 0, bytes[20..<32].allSatisfy({ $0 == 0 }) else {
            throw EvidenceError(.malformed, "the HCL report's status or reserved bytes are not zero")
        }
        guard let kind = Kind(rawValue: number(start + 8)) else {
            throw EvidenceError(
                .unsupported, "the HCL report is of kind \(number(start + 8)); expected 2 (SNP) or 4 (TDX)")
        }
        guard number(start + 12) == Self.sha256 else {
            throw EvidenceError(
                .unsupported, "the HCL report's digest is of kind \(number(start + 12)); expected 1 (SHA-256)")
        }
        let count = Int(number(start + 16))
        let end = start + Self.descriptionBytes + count
        guard end <= bytes.count, Int(number(start)) == Self.descriptionBytes + count, Int(number(8)) == end else {
            throw EvidenceError(.malformed, "the HCL report's sizes do not fit each other or its \(bytes.count) bytes")
        }
        let reportEnd = Self.headerBytes + (kind == .snp ? Self.reportBytes : TDReportStructure.byteCount)
        guard bytes[end...].allSatisfy({ $0 == 0 }), bytes[reportEnd..<start].allSatisfy({ $0 == 0 }) else {
            throw EvidenceError(.malformed, "the HCL report has other bytes than zero behind its parts")
        }
        self.kind = kind
        hardwareReport = Array(bytes[Self.headerBytes..<reportEnd])
        runtimeData = Array(bytes[(start + Self.descriptionBytes)..<end])
    }

    /// The expected report data of the hardware: the digest of the runtime data, padded with zeros to 64 bytes.
    var expectedReportData: [UInt8] {
        Array(SHA256.hash(data: runtimeData)) + [UInt8](repeating: 0, count: 32)
    }
}
