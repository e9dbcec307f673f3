import FoundationEssentials

/// Certificates as text (RFC 7468). Text between them, and a NUL byte at the end, which some quotes have, are skipped.
enum PEM {
    private static let begin = Array("-----BEGIN CERTIFICATE-----".utf8)
    private static let end = Array("-----END CERTIFICATE-----".utf8)
    private static let maximumCertificates = 8

    /// - Parameter text: PEM text, or one certificate in DER.
    static func certificates(_ text: [UInt8]) throws(CertificateFault) -> [Certificate] {
        if text.first == DERTag.sequence { return [try Certificate(der: text)] }
        var certificates: [Certificate] = []
        var rest = text[...]
        while let start = rest.firstRange(of: begin) {
            guard let stop = rest[start.upperBound...].firstRange(of: end),
                certificates.count < maximumCertificates
            else { throw CertificateFault("PEM text has a certificate without an end, or too many") }
            let base64 = rest[start.upperBound..<stop.lowerBound].filter { ![0x0A, 0x0D, 0x20, 0x09].contains($0) }
            guard let der = Data(base64Encoded: Data(base64)) else {
                throw CertificateFault("PEM text has a certificate that is not base64")
            }
            certificates.append(try Certificate(der: Array(der)))
            rest = rest[stop.upperBound...]
        }
        return certificates
    }
}
