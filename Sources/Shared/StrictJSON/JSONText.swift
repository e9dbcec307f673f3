// SPDX-License-Identifier: Apache-2.0
/// One value inside JSON text, parsed on demand. It keeps its range in the text, so that a signature over "the bytes of
/// this member" is verified over exactly the bytes that are read afterwards. No object in it has two members of the
/// same name. No function is recursive, so that nesting does not use the stack.
package struct JSONText: Sendable {
    private let source: [UInt8]
    private let range: Range<Int>
    /// The member that holds the value, for messages.
    package let name: String

    /// A whole file.
    ///
    /// - Throws: ``JSONFault`` for text that is not JSON, or in which an object at any depth has two members of the
    ///   same name: parsers disagree about which of the two counts.
    package init(_ source: [UInt8], name: String) throws(JSONFault) {
        var scanner = JSONScanner(source, 0..<source.count, name)
        let range = try scanner.value(uniquely: true)
        try scanner.finish()
        self.init(source, range, name)
    }

    private init(_ source: [UInt8], _ range: Range<Int>, _ name: String) {
        self.source = source
        self.range = range
        self.name = name
    }

    /// The exact bytes of the value.
    package var bytes: [UInt8] { Array(source[range]) }

    package var isNull: Bool { source[range].elementsEqual("null".utf8) }
    package var isArray: Bool { source[range].first == UInt8(ascii: "[") }

    package func object() throws(JSONFault) -> JSONObject {
        var scanner = try open("{", "an object")
        var members: [String: JSONText] = [:]
        if scanner.take("}") { return JSONObject(name: name, members: members) }
        repeat {
            let key = try JSONText(source, scanner.value(), name).string()
            try scanner.expect(":")
            let member = JSONText(source, try scanner.value(), key)
            members[key] = member
        } while scanner.take(",")
        try scanner.expect("}")
        return JSONObject(name: name, members: members)
    }

    /// - Parameter maximumCount: A longer list is refused before more of it is read: each element takes ten times the
    ///   memory of a short number.
    package func array(atMost maximumCount: Int = .max) throws(JSONFault) -> [JSONText] {
        var scanner = try open("[", "an array")
        var elements: [JSONText] = []
        if scanner.take("]") { return elements }
        repeat {
            guard elements.count < maximumCount else {
                throw JSONFault("\(name) has too many elements, the limit is \(maximumCount)")
            }
            elements.append(JSONText(source, try scanner.value(), name))
        } while scanner.take(",")
        try scanner.expect("]")
        return elements
    }

    package func string() throws(JSONFault) -> String {
        guard range.count >= 2, source[range.lowerBound] == UInt8(ascii: "\"") else {
            throw JSONFault("\(name) is not a string")
        }
        return try JSONScanner.unescape(source[(range.lowerBound + 1)..<(range.upperBound - 1)], name)
    }

    package func integer() throws(JSONFault) -> Int {
        // JSON has no leading zeros and no plus sign, so only the canonical form of a number is accepted.
        guard let text = String(validating: source[range], as: UTF8.self), let value = Int(text),
            String(value) == text
        else { throw JSONFault("\(name) is not a whole number") }
        return value
    }

    /// A number with or without fraction and exponent.
    package func number() throws(JSONFault) -> Double {
        guard let first = source[range].first, first == UInt8(ascii: "-") || (0x30...0x39).contains(first),
            let text = String(validating: source[range], as: UTF8.self), let value = Double(text), value.isFinite
        else { throw JSONFault("\(name) is not a number") }
        return value
    }

    package func boolean() throws(JSONFault) -> Bool {
        if source[range].elementsEqual("true".utf8) { return true }
        if source[range].elementsEqual("false".utf8) { return false }
        throw JSONFault("\(name) is neither true nor false")
    }

    private func open(_ character: Unicode.Scalar, _ what: String) throws(JSONFault) -> JSONScanner {
        var scanner = JSONScanner(source, range, name)
        guard scanner.take(character) else { throw JSONFault("\(name) is not \(what)") }
        return scanner
    }
}

/// The members of a JSON object.
package struct JSONObject: Sendable {
    package let name: String
    package let members: [String: JSONText]

    /// - Throws: ``JSONFault`` when the member is missing.
    package subscript(_ key: String) -> JSONText {
        get throws(JSONFault) {
            guard let member = members[key] else { throw JSONFault("\(name) has no member '\(key)'") }
            return member
        }
    }

    /// - Throws: ``JSONFault`` naming a member that is not in `known`: a misspelt member would silently drop a check.
    package func refuseMembers(otherThan known: Set<String>) throws(JSONFault) {
        if let unknown = members.keys.filter({ !known.contains($0) }).min() {
            throw JSONFault("\(name) has an unknown member '\(unknown)'")
        }
    }
}

/// An error in JSON text, as a phrase that starts with the place.
package struct JSONFault: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
