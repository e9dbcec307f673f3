// SPDX-License-Identifier: Apache-2.0
internal import FoundationEssentials
internal import PlainText

/// A JSON document with ordered members, so that equal results give equal bytes.
enum JSONText {
    case object([(String, JSONText)])
    case array([JSONText])
    case string(String)
    case number(Double)
    case integer(Int)
    case boolean(Bool)
    case null
    /// JSON of one line.
    case encoded(String)

    /// Optional members are `null` and never missing.
    static func optional(_ value: Double?) -> JSONText { value.map(JSONText.number) ?? .null }
    static func optional(_ value: String?) -> JSONText { value.map(JSONText.string) ?? .null }

    /// The value as JSON of one line with sorted members; `null` for numbers that JSON does not have.
    static func line(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
    }

    /// The text, indented by two spaces, with a final line feed.
    var text: String {
        var text = ""
        write(to: &text, indent: 0)
        return text + "\n"
    }

    private func write(to text: inout String, indent: Int) {
        switch self {
        case .object(let members):
            Self.write(members, open: "{", close: "}", to: &text, indent: indent) { member, text in
                text += Self.quoted(member.0) + ": "
                member.1.write(to: &text, indent: indent + 1)
            }
        case .array(let elements):
            Self.write(elements, open: "[", close: "]", to: &text, indent: indent) { element, text in
                element.write(to: &text, indent: indent + 1)
            }
        case .string(let string): text += Self.quoted(string)
        // The shortest decimals that read back as the same number. JSON has no infinities. Adding 0 turns -0 into 0,
        // which stored results do not distinguish.
        case .number(let number): text += number.isFinite ? "\(number + 0)" : "null"
        case .integer(let integer): text += "\(integer)"
        case .boolean(let boolean): text += boolean ? "true" : "false"
        case .null: text += "null"
        case .encoded(let line): text += line
        }
    }

    private static func write<Element>(
        _ elements: [Element], open: String, close: String, to text: inout String, indent: Int,
        _ body: (Element, inout String) -> Void
    ) {
        text += open
        for (index, element) in elements.enumerated() {
            text += (index == 0 ? "\n" : ",\n") + String(repeating: "  ", count: indent + 1)
            body(element, &text)
        }
        if !elements.isEmpty { text += "\n" + String(repeating: "  ", count: indent) }
        text += close
    }

    private static func quoted(_ string: String) -> String {
        var result = "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where !PlainText.isPlain(scalar): result += PlainText.escape(scalar)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
