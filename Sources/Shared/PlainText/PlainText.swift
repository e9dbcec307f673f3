// SPDX-License-Identifier: Apache-2.0
/// Text from outside (names in models, files and answers, messages of servers) for a terminal or a log.
///
/// Such text must not send commands to a terminal, forge lines, or change the order in which other text is shown. So it
/// is one line without control characters and without invisible characters of formatting. U+200C and U+200D stay: words
/// of several languages need them, and they affect only their neighbours.
package enum PlainText {
    /// Whether the character is shown as it is.
    package static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: false
        case .format: scalar == "\u{200C}" || scalar == "\u{200D}"
        default: true
        }
    }

    package static func isPlain(_ text: some StringProtocol) -> Bool { text.unicodeScalars.allSatisfy(isPlain) }

    /// The text as one line, with U+FFFD in place of each character that is not plain.
    ///
    /// - Parameter maximumScalars: The length at which the text ends with ` […]`.
    package static func line(_ text: some StringProtocol, maximumScalars: Int = .max) -> String {
        var scalars = String.UnicodeScalarView()
        for (index, scalar) in text.unicodeScalars.enumerated() {
            guard index < maximumScalars else {
                scalars.append(contentsOf: " […]".unicodeScalars)
                break
            }
            scalars.append(isPlain(scalar) ? scalar : "\u{FFFD}")
        }
        return String(scalars)
    }

    /// The same JSON with its characters that are not plain as escapes. Line feeds stay, because they are outside of
    /// strings: valid JSON has no line feed inside of one.
    package static func json(_ json: some StringProtocol) -> String {
        var result = String.UnicodeScalarView()
        for scalar in json.unicodeScalars {
            if scalar == "\n" || isPlain(scalar) {
                result.append(scalar)
            } else {
                result.append(contentsOf: escape(scalar).unicodeScalars)
            }
        }
        return String(result)
    }

    /// The escape of a character in a string of JSON.
    package static func escape(_ scalar: Unicode.Scalar) -> String {
        scalar.utf16.map { unit in
            let digits = String(unit, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }.joined()
    }
}
