// SPDX-License-Identifier: Apache-2.0
import Foundation
import PlainText

/// JSON has no NaN and no infinity: they are the strings "NaN", "Infinity" and "-Infinity".
private func makeJSONEncoder(_ formatting: JSONEncoder.OutputFormatting) -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return encoder
}

/// Prints a value as JSON with sorted keys.
func printJSON(_ value: some Encodable) throws {
    let encoder = makeJSONEncoder([.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    printLines(PlainText.json(String(decoding: try encoder.encode(value), as: UTF8.self)))
}

/// Prints a value as JSON on one line, for a sequence of answers.
func printJSONLine(_ value: some Encodable) throws {
    let encoder = makeJSONEncoder([.sortedKeys, .withoutEscapingSlashes])
    // Not through print, which buffers: a reader gets each line at once.
    let line = PlainText.json(String(decoding: try encoder.encode(value), as: UTF8.self))
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}

/// Prints a line. Names of models, classes and files, and words of servers are untrusted, so every line of this program is
/// plain text: this function is found before Swift's.
func print(_ line: String) { Swift.print(PlainText.line(line)) }

/// Prints lines that contain no text from outside that could itself break lines, such as a ``TextTable``.
func printLines(_ text: String) {
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) { print(String(line)) }
}

/// Writes a line to stderr, of plain text.
func printError(_ line: String) {
    // If stderr is on a full disk, the program must still end with its own exit code.
    try? FileHandle.standardError.write(contentsOf: Data((PlainText.line(line) + "\n").utf8))
}
