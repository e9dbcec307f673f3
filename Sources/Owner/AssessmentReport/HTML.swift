// SPDX-License-Identifier: Apache-2.0
internal import PlainText

/// Text for HTML and SVG. All text from models, file names and error messages goes through ``escape(_:)``.
enum HTML {
    /// The text with its five special characters escaped, and control characters replaced by visible ones.
    static func escape(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            // Characters that change the direction of text could make a name look like another.
            case _ where !PlainText.isPlain(scalar): result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The names without the words that all of them start and end with, at most `limit` characters each.
    static func distinct(_ names: [String], limit: Int) -> [String] {
        func wordsLength(_ names: [String]) -> Int {
            guard names.count > 1, var shared = names.first else { return 0 }
            for name in names { shared = String(zip(shared, name).prefix { $0 == $1 }.map(\.0)) }
            return shared.lastIndex { ".-_/".contains($0) }.map { shared.distance(from: shared.startIndex, to: $0) + 1 }
                ?? 0
        }
        let front = wordsLength(names)
        let back = wordsLength(names.map { String($0.dropFirst(front).reversed()) })
        return names.map { name in
            let kept = name.dropFirst(front).dropLast(back)
            return shortened(kept.isEmpty ? name : String(kept), limit: limit)
        }
    }

    /// The text with at most `limit` characters, shortened in the middle.
    static func shortened(_ text: String, limit: Int) -> String {
        guard text.count > limit else { return text }
        return text.prefix(limit / 2) + "…" + text.suffix(limit - limit / 2 - 1)
    }
}
