// SPDX-License-Identifier: Apache-2.0
/// Items of CBOR in their shortest form (RFC 8949, section 4.1).
extension CBOR {
    /// The head of an item. An unsigned number is nothing but a head of major type 0.
    ///
    /// - Parameters:
    ///   - major: The major type, 0 to 7.
    ///   - argument: The number, the length in bytes, or the count of elements or members.
    package static func head(_ major: UInt8, _ argument: UInt64) -> [UInt8] {
        let width: Int
        let information: UInt8
        switch argument {
        case 0..<24: (width, information) = (0, UInt8(argument))
        case 24..<0x100: (width, information) = (1, 24)
        case 0x100..<0x1_0000: (width, information) = (2, 25)
        case 0x1_0000..<0x1_0000_0000: (width, information) = (4, 26)
        default: (width, information) = (8, 27)
        }
        return [major << 5 | information]
            + (0..<width).reversed().map { UInt8(truncatingIfNeeded: argument >> (8 * UInt64($0))) }
    }

    /// A byte string.
    package static func encoded(_ bytes: [UInt8]) -> [UInt8] { head(2, UInt64(bytes.count)) + bytes }

    /// Text.
    package static func encoded(_ text: String) -> [UInt8] { head(3, UInt64(text.utf8.count)) + Array(text.utf8) }
}
