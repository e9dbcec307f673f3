// SPDX-License-Identifier: Apache-2.0
import Evidence
import FoundationEssentials
import StrictJSON

/// Converts the encodings that services, caches and tools use for collateral to those that the verifier reads: DER for
/// revocation lists, DER or PEM for certificates, plain JSON for statements. Unrecognised files stay unchanged, so that
/// their reader reports the fault. Nothing here decides whether a file is genuine.
enum CollateralEncoding {
    /// Encodings may be nested: PEM in a JSON string, PEM in hexadecimal digits.
    private static let maximumLayers = 3

    static func plain(_ bytes: [UInt8], _ role: CollateralRole) -> [UInt8] {
        switch role {
        case .tcbInfo, .qeIdentity: return trimmed(bytes)
        case .eventLog: return bytes
        case .pckCRL, .rootCACRL, .crl, .certificateTable: return binary(bytes)
        case .tcbInfoIssuerChain, .qeIdentityIssuerChain, .pckCertificateChain, .vcek, .vlek, .intermediate:
            return certificates(bytes)
        }
    }

    static func plain(_ collateral: [CollateralRole: [UInt8]]) -> [CollateralRole: [UInt8]] {
        Dictionary(uniqueKeysWithValues: collateral.map { ($0.key, plain($0.value, $0.key)) })
    }

    /// DER from hexadecimal, base64 or PEM text; Intel's caches write the root's list in hexadecimal.
    private static func binary(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = withoutPadding(bytes)
        for _ in 0..<maximumLayers {
            guard let text = text(bytes) else { return bytes }
            guard let inner = jsonString(text) ?? pemContent(text) ?? EncodedText.decode(text) else { return bytes }
            bytes = inner
        }
        return bytes
    }

    private static func certificates(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = withoutPadding(bytes)
        for _ in 0..<maximumLayers {
            guard let text = text(bytes) else { return bytes }
            guard
                let inner = jsonString(text) ?? metadataService(text) ?? percentDecoded(text)
                    ?? EncodedText.decode(text)
            else { return text }
            bytes = inner
        }
        return bytes
    }

    /// - Returns: `nil` for bytes that are no ASCII text.
    private static func text(_ bytes: [UInt8]) -> [UInt8]? {
        let text = trimmed(bytes)
        return !text.isEmpty && text.allSatisfy { $0 < 0x80 && $0 != 0 } ? text : nil
    }

    /// Without a byte order mark, and without the NUL bytes and white space at the end: Intel's C structures count a NUL
    /// in the size of a text.
    private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        let end = bytes.lastIndex { $0 != 0 && !EncodedText.isSpace($0) } ?? start - 1
        return Array(bytes[start..<max(start, end + 1)])
    }

    /// DER without the NUL byte of a C structure behind it.
    private static func withoutPadding(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.last == 0, bytes.first == DERTag.sequence else { return bytes }
        var reader = DERReader(bytes[...])
        guard let element = try? reader.element(), element.encoded.count == bytes.count - 1 else { return bytes }
        return Array(element.encoded)
    }

    private static func jsonString(_ text: [UInt8]) -> [UInt8]? {
        guard text.first == UInt8(ascii: "\""), let string = try? JSONText(text, name: "the file").string() else {
            return nil
        }
        return Array(string.utf8)
    }

    /// The answer of Azure's metadata service for AMD's certificates.
    private static func metadataService(_ text: [UInt8]) -> [UInt8]? {
        guard text.first == UInt8(ascii: "{"), let members = try? JSONText(text, name: "the file").object(),
            let leaf = try? members["vcekCert"].string()
        else { return nil }
        let chain = (try? members["certificateChain"].string()) ?? ""
        return Array((leaf + "\n" + chain).utf8)
    }

    /// Intel's services give issuer chains in a header, percent-encoded (RFC 3986, section 2.1).
    private static func percentDecoded(_ text: [UInt8]) -> [UInt8]? {
        guard text.contains(UInt8(ascii: "%")) else { return nil }
        // The encoding of HTML forms writes a space as a plus sign, and escapes the plus signs of base64.
        let isForm = text.firstRange(of: Array("BEGIN+CERTIFICATE".utf8)) != nil
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count)
        var rest = text[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let value = [UInt8](hex: String(decoding: rest.prefix(2), as: UTF8.self)), value.count == 1 else {
                    return nil
                }
                decoded += value
                rest = rest.dropFirst(2)
            case UInt8(ascii: "+") where isForm: decoded.append(UInt8(ascii: " "))
            default: decoded.append(byte)
            }
        }
        return decoded
    }

    /// The label of a PEM block with a revocation list (RFC 7468, section 6).
    private static func pemContent(_ text: [UInt8]) -> [UInt8]? {
        let begin = Array("-----BEGIN X509 CRL-----".utf8)
        let end = Array("-----END X509 CRL-----".utf8)
        guard text.starts(with: begin), text.reversed().starts(with: end.reversed()) else { return nil }
        return EncodedText.base64(Array(text.dropFirst(begin.count).dropLast(end.count)))
    }
}
