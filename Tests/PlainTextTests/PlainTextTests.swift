// SPDX-License-Identifier: Apache-2.0
import Foundation
import PlainText
import Testing

@Suite("Untrusted text for a terminal or a log")
struct PlainTextTests {
    /// Escape sequences in seven and eight bits, line breaks of every kind, NUL, DEL, and bidirectional controls.
    private static let hostile = [
        "\u{1B}", "\u{9B}", "\u{9D}", "\u{0}", "\u{7}", "\u{8}", "\u{7F}", "\n", "\r", "\u{B}", "\u{C}", "\u{85}",
        "\u{2028}", "\u{2029}", "\u{200E}", "\u{200F}", "\u{202A}", "\u{202E}", "\u{2066}", "\u{2069}", "\u{61C}",
        "\u{FEFF}", "\u{E0041}", "\t", "\u{AD}",
    ]

    @Test("Control characters, line breaks and bidirectional characters are replaced", arguments: hostile)
    func replaced(character: String) {
        #expect(PlainText.line("a\(character)b") == "a\u{FFFD}b")
        #expect(!PlainText.isPlain("a\(character)b"))
    }

    @Test("A carriage return with a line feed, one Character in Swift, is replaced as two")
    func pair() { #expect(PlainText.line("a\r\nb") == "a\u{FFFD}\u{FFFD}b") }

    @Test(
        "Letters of every script are kept",
        arguments: ["", "café", "стоп", "می\u{200C}خواهم", "क्\u{200D}ष", "停止", "👩\u{200D}🚒", "e\u{301}", "a b'\"<&"])
    func kept(text: String) {
        #expect(Array(PlainText.line(text).utf8) == Array(text.utf8) && PlainText.isPlain(text))
    }

    @Test("A long text is cut at its limit")
    func long() {
        #expect(PlainText.line("abc", maximumScalars: 3) == "abc")
        #expect(PlainText.line("abcd", maximumScalars: 3) == "abc […]")
        #expect(PlainText.line(String(repeating: "n", count: 1 << 20), maximumScalars: 200).utf8.count < 210)
    }

    @Test("JSON keeps its meaning, and contains no such character", arguments: hostile)
    func json(character: String) throws {
        let value = ["name": "a\(character)b"]
        let encoder = JSONEncoder()
        encoder.outputFormatting = .prettyPrinted
        let text = PlainText.json(String(decoding: try encoder.encode(value), as: UTF8.self))
        #expect(try JSONDecoder().decode([String: String].self, from: Data(text.utf8)) == value)
        #expect(text.split(separator: "\n").allSatisfy(PlainText.isPlain))
    }
}
