// SPDX-License-Identifier: Apache-2.0
/// Hexadecimal text, the form of byte strings in evidence documents, policies, manifests and vendor collateral.
extension Array where Element == UInt8 {
    /// - Parameter hex: An even number of hexadecimal digits in either case, nothing else.
    /// - Returns: `nil` for any other text.
    package init?(hex: some StringProtocol) { self.init(hexDigits: hex.utf8, allowsUpperCase: true) }

    /// The strict form, in which equal bytes have equal text.
    ///
    /// - Parameters:
    ///   - lowercaseHex: Lower-case hexadecimal digits, nothing else.
    ///   - count: The number of bytes, half that of the digits.
    /// - Returns: `nil` for any other text.
    package init?(lowercaseHex: some StringProtocol, count: Int) {
        guard lowercaseHex.utf8.count == 2 * count else { return nil }
        self.init(hexDigits: lowercaseHex.utf8, allowsUpperCase: false)
    }

    private init?(hexDigits digits: some Collection<UInt8>, allowsUpperCase: Bool) {
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        var high: UInt8?
        for digit in digits {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F") where allowsUpperCase: value = digit - UInt8(ascii: "A") + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        self = bytes
    }
}

extension Sequence<UInt8> {
    /// Lower-case hexadecimal digits, two for each byte.
    package var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(2 * underestimatedCount)
        for byte in self {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
