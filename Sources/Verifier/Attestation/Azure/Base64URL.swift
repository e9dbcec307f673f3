// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// Base64 with the alphabet for URLs and names (RFC 4648, section 5).
package enum Base64URL {
    package static func text(_ bytes: [UInt8], isPadded: Bool) -> String {
        let text = Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
        return isPadded ? text : String(text.prefix { $0 != "=" })
    }

    /// The bytes of a text with or without padding, in this alphabet or the usual one. A caller that accepts only one
    /// encoding for each value has to compare with ``text(_:isPadded:)``.
    ///
    /// - Returns: `nil` for any other text.
    package static func bytes(_ text: String) -> [UInt8]? {
        let digits = text.prefix { $0 != "=" }
        guard digits.utf8.count + 2 >= text.utf8.count, text.dropFirst(digits.count).allSatisfy({ $0 == "=" }) else {
            return nil
        }
        let padding = String(repeating: "=", count: (4 - digits.utf8.count % 4) % 4)
        return Data(
            base64Encoded: digits.replacing("-", with: "+").replacing("_", with: "/") + padding
        ).map(Array.init)
    }
}
