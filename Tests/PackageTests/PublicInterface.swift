// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The public declarations of a Swift source file, found by its text: modifiers decide, so no compiler is needed.
struct PublicInterface {
    struct Declaration {
        /// The types that it is nested in, and the declaration on one line without its body.
        let text: String
        /// Counts from 1.
        let line: Int
        let isDocumented: Bool
        /// Whether it is public by its own modifier, rather than as a case or a requirement of a public type.
        let isMarked: Bool
    }

    /// In the order of the file.
    private(set) var declarations: [Declaration] = []
    /// Braces that are not closed at the end: 0 unless the text was misread.
    private(set) var openBraces = 0

    private struct Scope {
        let name: String
        let isPublicEnum: Bool
        let isPublicProtocol: Bool
        /// Open braces around its members.
        let depth: Int
    }

    init(of source: String) {
        let lines = source.components(separatedBy: "\n")
        let code = String(decoding: Self.withoutText(Array(source.utf8)), as: UTF8.self).components(separatedBy: "\n")
        var scopes: [Scope] = []
        for index in code.indices {
            scopes.removeAll { $0.depth > openBraces }
            let scope = scopes.last
            let isMember = openBraces == scope?.depth ?? 0
            if isMember, let found = Self.declaration(code[index], in: scope) {
                let text = Self.statement(lines, code, from: index)
                if found.isPublic {
                    declarations.append(
                        Declaration(
                            text: (scopes.map(\.name) + [text]).joined(separator: " · "), line: index + 1,
                            isDocumented: Self.isDocumented(lines, index), isMarked: found.isMarked))
                }
                if let name = found.scopeName {
                    scopes.append(
                        Scope(
                            name: name, isPublicEnum: found.isPublic && found.keyword == "enum",
                            isPublicProtocol: found.isPublic && found.keyword == "protocol", depth: openBraces + 1))
                }
            }
            for character in code[index].utf8 {
                if character == UInt8(ascii: "{") { openBraces += 1 }
                if character == UInt8(ascii: "}") { openBraces -= 1 }
            }
        }
    }

    private struct Found {
        let keyword: String
        /// Of types and extensions.
        let scopeName: String?
        let isPublic: Bool
        let isMarked: Bool
    }

    private static let types: Set = ["struct", "class", "enum", "protocol", "actor", "extension"]
    private static let members: Set = [
        "func", "var", "let", "init", "typealias", "subscript", "case", "associatedtype", "operator", "macro",
    ]

    /// What the line declares, if it begins a declaration.
    private static func declaration(_ line: String, in scope: Scope?) -> Found? {
        // Attributes and modifiers come before the keyword.
        let words = line.split { " ({:<?!".contains($0) }.map(String.init).drop { $0.hasPrefix("@") }
        guard let place = words.firstIndex(where: { types.contains($0) || members.contains($0) }) else { return nil }
        let modifiers = words[..<place]
        guard modifiers.allSatisfy({ $0.allSatisfy { $0.isLetter || $0 == ")" } }) else { return nil }
        // "class" is a modifier in front of another keyword.
        let keyword = words[place]
        let isMarked = modifiers.contains("public") || modifiers.contains("open")
        let isInherited =
            scope?.isPublicEnum == true && keyword == "case"
            || scope?.isPublicProtocol == true && !types.contains(keyword)
        let name = types.contains(keyword) && place + 1 < words.endIndex ? words[place + 1] : nil
        return Found(
            keyword: keyword, scopeName: name, isPublic: keyword != "extension" && (isMarked || isInherited),
            isMarked: isMarked)
    }

    /// The declaration on one line, from its first word to where its body or value begins.
    private static func statement(_ lines: [String], _ code: [String], from start: Int) -> String {
        var text = ""
        var depth = 0
        // The type that an alias stands for belongs to it.
        let isAlias = code[start].contains("typealias ")
        for index in start..<lines.count {
            let (line, stripped) = (Array(lines[index].utf8), Array(code[index].utf8))
            guard line.count == stripped.count else { break }
            for (place, character) in stripped.enumerated() {
                switch character {
                case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: ")"), UInt8(ascii: "]"): depth -= 1
                case UInt8(ascii: "{") where depth == 0:
                    return tidy(text + String(decoding: line[..<place], as: UTF8.self))
                case UInt8(ascii: "=") where depth == 0 && isAssignment(stripped, place) && !isAlias:
                    return tidy(text + String(decoding: line[..<place], as: UTF8.self))
                default: break
                }
            }
            text += lines[index] + " "
            let end = stripped.last { $0 != UInt8(ascii: " ") }
            let next = index + 1 < code.count ? code[index + 1].trimmingCharacters(in: .whitespaces) : ""
            let goesOn = end == UInt8(ascii: ",") || end == UInt8(ascii: ":") || next.hasPrefix("where ")
            if depth == 0, !goesOn { break }
        }
        return tidy(text)
    }

    private static func isAssignment(_ line: [UInt8], _ place: Int) -> Bool {
        place > 0 && line[place - 1] == UInt8(ascii: " ") && place + 1 < line.count
            && line[place + 1] == UInt8(ascii: " ")
    }

    private static func tidy(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ").replacing("( ", with: "(")
            .replacing(" )", with: ")")
    }

    /// Attributes may stand between comment and declaration.
    private static func isDocumented(_ lines: [String], _ index: Int) -> Bool {
        let above = lines[..<index].last { !$0.trimmingCharacters(in: .whitespaces).hasPrefix("@") }
        return above?.trimmingCharacters(in: .whitespaces).hasPrefix("///") ?? false
    }

    /// The source with blanks in place of comments and of what is in strings.
    private static func withoutText(_ source: [UInt8]) -> [UInt8] {
        var code = source
        var index = 0
        func blank(to end: Int) {
            while index < min(end, source.count) {
                if source[index] != UInt8(ascii: "\n") { code[index] = UInt8(ascii: " ") }
                index += 1
            }
        }
        while index < source.count {
            if source[index...].starts(with: "//".utf8) {
                blank(to: source[index...].firstIndex(of: UInt8(ascii: "\n")) ?? source.count)
            } else if let end = endOfString(source, index) {
                blank(to: end)
            } else {
                index += 1
            }
        }
        return code
    }

    /// The place behind a string that begins here; `nil` where none begins.
    private static func endOfString(_ source: [UInt8], _ start: Int) -> Int? {
        var index = start
        let hashes = source[start...].prefix { $0 == UInt8(ascii: "#") }.count
        index += hashes
        guard index < source.count, source[index] == UInt8(ascii: "\"") else { return nil }
        let isBlock = source[index...].starts(with: "\"\"\"".utf8)
        let pounds = [UInt8](repeating: UInt8(ascii: "#"), count: hashes)
        let quote = [UInt8](repeating: UInt8(ascii: "\""), count: isBlock ? 3 : 1) + pounds
        let escape = [UInt8(ascii: "\\")] + pounds
        index += isBlock ? 3 : 1
        while index < source.count {
            if source[index...].starts(with: quote) { return index + quote.count }
            guard source[index...].starts(with: escape) else {
                index += 1
                continue
            }
            index += escape.count
            guard index < source.count, source[index] == UInt8(ascii: "(") else {
                index += 1
                continue
            }
            // An interpolation, which may have strings of its own.
            var depth = 0
            repeat {
                if let end = endOfString(source, index) {
                    index = end
                    continue
                }
                if source[index] == UInt8(ascii: "(") { depth += 1 }
                if source[index] == UInt8(ascii: ")") { depth -= 1 }
                index += 1
            } while depth > 0 && index < source.count
        }
        return source.count
    }
}
