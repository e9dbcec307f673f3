/// A report as tools save it: alone, or with the host's table of certificates behind it in one file (an extended guest
/// request, go-sev-guest's raw form).
package struct SNPEvidence: Sendable, Hashable {
    /// No table of certificates is larger.
    private static let maximumTableBytes = 64 << 10

    package let report: SNPReport
    /// Empty where the report stands alone. Nobody signed it.
    package let table: CertificateTable

    /// - Throws: ``EvidenceError`` when the report is not of a known form, or what follows it is no table.
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
