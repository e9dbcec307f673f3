// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// Certificates as text (RFC 7468). Nothing but white space, and the NUL byte at the end of some quotes, may surround
/// them, and base64 has to be canonical: this text is not signed, so its variants are kept few.
enum PEM {
    private static let begin = Array("-----BEGIN CERTIFICATE-----".utf8)
    private static let end = Array("-----END CERTIFICATE-----".utf8)
    private static let maximumCertificates = 8

    /// - Parameter text: PEM text, or one certificate in DER.
    static func certificates(_ text: [UInt8]) throws(CertificateFault) -> [Certificate] {
        var certificates: [Certificate] = []
        for der in try encodedCertificates(text) { certificates.append(try Certificate(der: der)) }
        return certificates
    }

    /// The certificates in DER, which are not parsed.
    ///
    /// - Parameter text: PEM text, or one certificate in DER.
    static func encodedCertificates(_ text: [UInt8]) throws(CertificateFault) -> [[UInt8]] {
        if text.first == DERTag.sequence { return [text] }
        var certificates: [[UInt8]] = []
        var rest = text[...]
        while let start = rest.firstRange(of: begin) {
            guard let stop = rest[start.upperBound...].firstRange(of: end),
                certificates.count < maximumCertificates
            else { throw CertificateFault("PEM text has a certificate without an end, or too many") }
            try requireSpace(rest[..<start.lowerBound])
            let base64 = rest[start.upperBound..<stop.lowerBound].filter { !isSpace($0) }
            guard let der = Data(base64Encoded: Data(base64)),
                der.base64EncodedString().utf8.elementsEqual(base64)
            else { throw CertificateFault("PEM text has a certificate that is not base64") }
            certificates.append(Array(der))
            rest = rest[stop.upperBound...]
        }
        try requireSpace(rest.last == 0 ? rest.dropLast() : rest)
        return certificates
    }

    /// PEM text of a certificate, 64 characters a line.
    static func text(der: [UInt8]) -> [UInt8] {
        let base64 = Array(Data(der).base64EncodedData())
        var text = begin + [0x0A]
        for start in stride(from: 0, to: base64.count, by: 64) {
            text += base64[start..<min(start + 64, base64.count)] + [0x0A]
        }
        return text + end + [0x0A]
    }

    private static func isSpace(_ byte: UInt8) -> Bool { [0x0A, 0x0D, 0x20, 0x09].contains(byte) }

    private static func requireSpace(_ bytes: ArraySlice<UInt8>) throws(CertificateFault) {
        guard bytes.allSatisfy(isSpace) else { throw CertificateFault("PEM text has other text beside certificates") }
    }
}
