// SPDX-License-Identifier: Apache-2.0
/// A saved report: alone, or followed in the same file by the host's certificate table (an extended guest request,
/// go-sev-guest's raw form).
package struct SNPEvidence: Sendable, Hashable {
    /// Limit of the size of a certificate table, in bytes.
    private static let maximumTableBytes = 64 << 10

    package let report: SNPReport
    /// Empty if the file has only a report. The table is not signed.
    package let table: CertificateTable

    /// - Throws: ``EvidenceError`` when the report has an unknown form, or is followed by something other than a table.
    package init(parsing bytes: [UInt8]) throws(EvidenceError) {
        guard bytes.count <= SNPReport.byteCount + Self.maximumTableBytes else {
            throw EvidenceError(
                .malformed,
                "an SNP report with its certificates has \(bytes.count) bytes; expected at most "
                    + "\(SNPReport.byteCount + Self.maximumTableBytes)")
        }
        report = try SNPReport(parsing: Array(bytes.prefix(SNPReport.byteCount)))
        table = try CertificateTable(parsing: Array(bytes.dropFirst(SNPReport.byteCount)))
    }
}
