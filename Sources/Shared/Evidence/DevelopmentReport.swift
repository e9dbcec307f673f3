// SPDX-License-Identifier: Apache-2.0
/// Evidence of the development TEE: a measurement and report data, signed by a key on the same machine. The owner of
/// the machine can forge it, so it proves nothing about hardware.
///
/// Layout, 216 bytes: magic `"INFDEV\0\u{1}"` (8), measurement (48), report data (64), Ed25519 public key (32), Ed25519
/// signature (64).
package struct DevelopmentReport: Sendable, Hashable {
    /// The size of a report in bytes.
    package static let byteCount = 216
    /// The size of a SHA-384 digest.
    package static let measurementByteCount = 48

    static let magic = Array("INFDEV\0\u{1}".utf8)
    static let label = "infenclave development report v1"

    /// SHA-384 of the enclave executable.
    package let measurement: [UInt8]
    /// SHA-512 of a ``ReportTranscript``.
    package let reportData: [UInt8]
    /// The key of the machine's development TEE.
    package let publicKey: [UInt8]
    /// Ed25519 over ``signedMessage``, 64 bytes.
    package let signature: [UInt8]

    /// - Throws: ``EvidenceError`` (malformed) for a field of another length.
    package init(
        measurement: [UInt8], reportData: [UInt8], publicKey: [UInt8], signature: [UInt8]
    ) throws(EvidenceError) {
        try Self.checkSigned(measurement, reportData)
        try ReportTranscript.check(publicKey, "the development key", 32...32)
        try ReportTranscript.check(signature, "the development signature", 64...64)
        self.measurement = measurement
        self.reportData = reportData
        self.publicKey = publicKey
        self.signature = signature
    }

    /// - Throws: ``EvidenceError`` when the bytes are not exactly one report.
    package init(parsing bytes: [UInt8]) throws(EvidenceError) {
        guard bytes.starts(with: Self.magic) else {
            throw EvidenceError(.unsupported, "development evidence does not start with INFDEV version 1")
        }
        guard bytes.count == Self.byteCount else {
            throw EvidenceError(
                .malformed, "development evidence has \(bytes.count) bytes; expected \(Self.byteCount)")
        }
        try self.init(
            measurement: Array(bytes[8..<56]), reportData: Array(bytes[56..<120]), publicKey: Array(bytes[120..<152]),
            signature: Array(bytes[152..<216]))
    }

    /// The bytes of the report.
    package func encoded() -> [UInt8] { Self.magic + measurement + reportData + publicKey + signature }

    /// The message of ``signature``.
    package var signedMessage: [UInt8] { Self.message(measurement, reportData) }

    /// The message that the development TEE signs for a report with these fields.
    ///
    /// - Throws: ``EvidenceError`` (malformed) for a field of another length.
    package static func signedMessage(measurement: [UInt8], reportData: [UInt8]) throws(EvidenceError) -> [UInt8] {
        try checkSigned(measurement, reportData)
        return message(measurement, reportData)
    }

    private static func checkSigned(_ measurement: [UInt8], _ reportData: [UInt8]) throws(EvidenceError) {
        try ReportTranscript.check(measurement, "the measurement", measurementByteCount...measurementByteCount)
        let reportDataByteCount = ReportTranscript.reportDataByteCount
        try ReportTranscript.check(reportData, "the report data", reportDataByteCount...reportDataByteCount)
    }

    private static func message(_ measurement: [UInt8], _ reportData: [UInt8]) -> [UInt8] {
        Array(label.utf8) + [0] + magic + measurement + reportData
    }
}
