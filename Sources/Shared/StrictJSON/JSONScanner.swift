// SPDX-License-Identifier: Apache-2.0
/// Finds where JSON values start and end, and rejects text that is not JSON (RFC 8259).
struct JSONScanner {
    private let source: [UInt8]
    private let end: Int
    private var position: Int
    private let name: String

    init(_ source: [UInt8], _ range: Range<Int>, _ name: String) {
        self.source = source
        self.end = range.upperBound
        self.position = range.lowerBound
        self.name = name
    }

    private mutating func skipSpace() {
        while position < end, [0x20, 0x09, 0x0A, 0x0D].contains(source[position]) { position += 1 }
    }

    /// Consumes the character if it is next.
    mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        return takeByte(UInt8(ascii: character))
    }

    mutating func expect(_ character: Unicode.Scalar) throws(JSONFault) {
        guard take(character) else { throw JSONFault("\(name) lacks '\(character)' at byte \(position)") }
    }

    mutating func finish() throws(JSONFault) {
        skipSpace()
        guard position == end else { throw JSONFault("\(name) has text after its end, at byte \(position)") }
    }

    /// Consumes one value and returns its range. Open brackets are kept in a list, so that nesting cannot exhaust the
    /// stack.
    ///
    /// - Parameter uniquely: Whether to reject an object, at any depth, that has two members of the same name.
    mutating func value(uniquely: Bool = false) throws(JSONFault) -> Range<Int> {
        skipSpace()
        let start = position
        /// The open containers: the member names of an object so far, or `nil` for an array.
        var open: [Set<String>?] = []
        func record(_ key: Range<Int>) throws(JSONFault) {
            guard uniquely else { return }
            let key = try Self.unescape(source[key].dropFirst().dropLast(), name)
            guard open[open.count - 1]?.insert(key).inserted == true else {
                let shown = String(String.UnicodeScalarView(key.unicodeScalars.prefix(80)))
                throw JSONFault("\(name) names the member '\(shown)' twice in one object")
            }
        }
        repeat {
            skipSpace()
            // A value; for an object or array, only up to its first member.
            if takeByte(UInt8(ascii: "{")) {
                open.append([])
                if !take("}") {
                    try record(key())
                    continue
                }
                open.removeLast()
            } else if takeByte(UInt8(ascii: "[")) {
                open.append(nil)
                if !take("]") { continue }
                open.removeLast()
            } else if position < end, source[position] == UInt8(ascii: "\"") {
                try skipString()
            } else {
                try skipScalar()
            }
            // After a value: the next member, or the closing brackets of complete containers.
            while let isObject = open.last.map({ $0 != nil }) {
                if take(",") {
                    if isObject { try record(key()) }
                    break
                }
                try expect(isObject ? "}" : "]")
                open.removeLast()
            }
        } while !open.isEmpty
        return start..<position
    }

    /// - Returns: The range of a member's name, with its quotation marks.
    private mutating func key() throws(JSONFault) -> Range<Int> {
        skipSpace()
        let start = position
        guard position < end, source[position] == UInt8(ascii: "\"") else {
            throw JSONFault("\(name) has a member without a name at byte \(position)")
        }
        try skipString()
        let key = start..<position
        try expect(":")
        return key
    }

    private mutating func takeByte(_ byte: UInt8) -> Bool {
        guard position < end, source[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipString() throws(JSONFault) {
        position += 1
        while position < end {
            switch source[position] {
            case UInt8(ascii: "\""):
                position += 1
                return
            case UInt8(ascii: "\\"): position += 2
            case 0..<0x20: throw JSONFault("\(name) has a control character in a string")
            default: position += 1
            }
        }
        throw JSONFault("\(name) has a string without an end")
    }

    /// A number, `true`, `false` or `null`.
    private mutating func skipScalar() throws(JSONFault) {
        for word in ["true", "false", "null"] where source[position..<end].starts(with: word.utf8) {
            position += word.utf8.count
            return
        }
        let start = position
        _ = takeByte(UInt8(ascii: "-"))
        let isZero = takeByte(UInt8(ascii: "0"))
        var isNumber = isZero || skipDigits()
        if isNumber, takeByte(UInt8(ascii: ".")) { isNumber = skipDigits() }
        if isNumber, takeByte(UInt8(ascii: "e")) || takeByte(UInt8(ascii: "E")) {
            if !takeByte(UInt8(ascii: "+")) { _ = takeByte(UInt8(ascii: "-")) }
            isNumber = skipDigits()
        }
        guard isNumber else { throw JSONFault("\(name) has no value at byte \(start)") }
    }

    private mutating func skipDigits() -> Bool {
        let start = position
        while position < end, (0x30...0x39).contains(source[position]) { position += 1 }
        return position > start
    }

    /// The text of a string, from the bytes between its quotation marks.
    static func unescape(_ content: ArraySlice<UInt8>, _ name: String) throws(JSONFault) -> String {
        guard content.contains(UInt8(ascii: "\\")) else {
            guard let text = String(validating: content, as: UTF8.self) else { throw JSONFault("\(name) is not UTF-8") }
            return text
        }
        var units: [UInt8] = []
        units.reserveCapacity(content.count)
        var rest = content
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                units.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "\""): units.append(UInt8(ascii: "\""))
            case UInt8(ascii: "\\"): units.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "/"): units.append(UInt8(ascii: "/"))
            case UInt8(ascii: "b"): units.append(0x08)
            case UInt8(ascii: "f"): units.append(0x0C)
            case UInt8(ascii: "n"): units.append(0x0A)
            case UInt8(ascii: "r"): units.append(0x0D)
            case UInt8(ascii: "t"): units.append(0x09)
            case UInt8(ascii: "u"): units += try escapedScalar(&rest, name)
            default: throw JSONFault("\(name) has an unknown escape in a string")
            }
        }
        guard let text = String(validating: units, as: UTF8.self) else { throw JSONFault("\(name) is not UTF-8") }
        return text
    }

    private static func escapedScalar(
        _ rest: inout ArraySlice<UInt8>, _ name: String
    ) throws(JSONFault) -> String.UTF8View {
        func unit() -> UInt32? {
            var value: UInt32 = 0
            for _ in 0..<4 {
                guard let digit = rest.popFirst(), digit < 0x80,
                    let number = Character(Unicode.Scalar(digit)).hexDigitValue
                else { return nil }
                value = value << 4 | UInt32(number)
            }
            return value
        }
        var value = unit()
        if let high = value, (0xD800...0xDBFF).contains(high) {
            value = nil
            if rest.starts(with: "\\u".utf8) {
                rest = rest.dropFirst(2)
                if let low = unit(), (0xDC00...0xDFFF).contains(low) {
                    value = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
                }
            }
        }
        guard let value, let scalar = Unicode.Scalar(value) else {
            throw JSONFault("\(name) has a \\u escape that is no character")
        }
        return String(Character(scalar)).utf8
    }
}
