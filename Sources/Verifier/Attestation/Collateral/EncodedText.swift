// SPDX-License-Identifier: Apache-2.0
import Evidence
import FoundationEssentials

/// Bytes as hexadecimal or base64 text, in which tools print evidence and collateral.
enum EncodedText: Sendable, Hashable {
    case hexadecimal
    case base64

    /// Shorter text is a word, not a file.
    private static let minimumBytes = 64

    static func isSpace(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x0A, 0x0D, 0x20, 0x09: true
        default: false
        }
    }

    /// The encoding of the text; `nil` for anything else.
    static func kind(of text: [UInt8]) -> EncodedText? {
        // Binary evidence is not text, which its first bytes show.
        guard text.prefix(minimumBytes).allSatisfy({ isSpace($0) || (0x2B...0x7A).contains($0) }) else { return nil }
        var end = text.endIndex
        while end > 0, text[end - 1] == 0 || isSpace(text[end - 1]) { end -= 1 }
        let digits = text[..<end].filter { !isSpace($0) }
        guard digits.count >= minimumBytes else { return nil }
        let body = digits.starts(with: "0x".utf8) ? digits.dropFirst(2) : digits[...]
        if body.allSatisfy({ isDigit($0) || (0x41...0x46).contains($0 & 0xDF) }) { return .hexadecimal }
        let letters = digits.reversed().drop { $0 == UInt8(ascii: "=") }
        let isBase64 = letters.allSatisfy {
            isDigit($0) || (0x41...0x5A).contains($0 & 0xDF) || "+/-_".utf8.contains($0)
        }
        return isBase64 && letters.count + 2 >= digits.count ? .base64 : nil
    }

    /// - Returns: `nil` when the text is neither.
    static func decode(_ text: [UInt8]) -> [UInt8]? {
        switch kind(of: text) {
        case .hexadecimal?:
            let digits = text.filter { !isSpace($0) && $0 != 0 }
            return [UInt8](
                hex: String(decoding: digits.starts(with: "0x".utf8) ? digits.dropFirst(2) : digits[...], as: UTF8.self)
            )
        case .base64?: return base64(text)
        case nil: return nil
        }
    }

    /// Base64 of either alphabet, with or without white space (RFC 4648, sections 4 and 5).
    static func base64(_ text: [UInt8]) -> [UInt8]? {
        // The letters and dashes of PEM text are all in the second alphabet, so it is excluded here.
        guard text.firstRange(of: "-----BEGIN".utf8) == nil else { return nil }
        let letters = text.filter { !isSpace($0) && $0 != 0 }.map { letter -> UInt8 in
            switch letter {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            default: letter
            }
        }
        return Data(base64Encoded: Data(letters)).map(Array.init)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
