// SPDX-License-Identifier: Apache-2.0
/// The part of CBOR (RFC 8949) that attestation documents use: no floating-point numbers, and tags only where the
/// caller expects them. Definite and indefinite lengths are both read, because both occur.
package enum CBOR: Sendable, Hashable {
    case unsigned(UInt64)
    /// The number -1 - value.
    case negative(UInt64)
    case bytes([UInt8])
    case text(String)
    case array([CBOR])
    case map([CBOR: CBOR])
    case boolean(Bool)
    case null
    indirect case tagged(UInt64, CBOR)

    /// - Throws: ``EvidenceError`` (malformed) when the bytes are not exactly one item of this kind, are nested more
    ///   than 8 levels deep, or have a map with two equal keys.
    package init(parsing bytes: [UInt8]) throws(EvidenceError) {
        var parser = CBORParser(bytes)
        self = try parser.item(depth: 0)
        guard parser.isAtEnd else { throw EvidenceError(.malformed, "bytes follow the CBOR item") }
    }
}

private struct CBORParser {
    private let bytes: [UInt8]
    private var position = 0
    private static let maximumDepth = 8

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    private mutating func take(_ count: UInt64) throws(EvidenceError) -> ArraySlice<UInt8> {
        guard count <= UInt64(bytes.count - position) else {
            throw EvidenceError(.malformed, "CBOR at byte \(position) needs \(count) bytes, which are not there")
        }
        defer { position += Int(count) }
        return bytes[position..<(position + Int(count))]
    }

    /// Consumes the "break" that ends an indefinite length, if it is next.
    private mutating func takeBreak() -> Bool {
        guard position < bytes.count, bytes[position] == 0xFF else { return false }
        position += 1
        return true
    }

    /// The initial byte's major type and argument; `nil` stands for an indefinite length.
    private mutating func head() throws(EvidenceError) -> (major: UInt8, argument: UInt64?) {
        let initial = try take(1).reduce(0) { $0 | $1 }
        let information = initial & 31
        switch information {
        case 0...23: return (initial >> 5, UInt64(information))
        case 24...27:
            return (initial >> 5, try take(1 << (information - 24)).reduce(0) { $0 << 8 | UInt64($1) })
        case 31: return (initial >> 5, nil)
        default: throw EvidenceError(.malformed, "CBOR at byte \(position - 1) has a reserved length")
        }
    }

    mutating func item(depth: Int) throws(EvidenceError) -> CBOR {
        guard depth <= Self.maximumDepth else {
            throw EvidenceError(.malformed, "CBOR is nested more than \(Self.maximumDepth) levels deep")
        }
        let start = position
        let (major, argument) = try head()
        switch (major, argument) {
        case (0, let value?): return .unsigned(value)
        case (1, let value?): return .negative(value)
        case (2, _): return .bytes(try string(major, argument))
        case (3, _):
            guard let text = String(validating: try string(major, argument), as: UTF8.self) else {
                throw EvidenceError(.malformed, "CBOR text at byte \(start) is not UTF-8")
            }
            return .text(text)
        case (4, _): return .array(try elements(argument, depth))
        case (5, _): return .map(try members(argument, depth))
        case (6, let tag?): return .tagged(tag, try item(depth: depth + 1))
        case (7, 20?): return .boolean(false)
        case (7, 21?): return .boolean(true)
        case (7, 22?): return .null
        default: throw EvidenceError(.malformed, "CBOR at byte \(start) is of a kind that no document has")
        }
    }

    /// The content of a string; one of indefinite length is made of chunks of the same major type.
    private mutating func string(_ major: UInt8, _ count: UInt64?) throws(EvidenceError) -> [UInt8] {
        if let count { return Array(try take(count)) }
        var content: [UInt8] = []
        while !takeBreak() {
            guard case (major, let count?) = try head() else {
                throw EvidenceError(.malformed, "CBOR string before byte \(position) has a chunk of another kind")
            }
            content += try take(count)
        }
        return content
    }

    // Elements are appended as they are read, so a claimed count allocates nothing.

    private mutating func elements(_ count: UInt64?, _ depth: Int) throws(EvidenceError) -> [CBOR] {
        var elements: [CBOR] = []
        while count.map({ UInt64(elements.count) < $0 }) ?? !takeBreak() {
            elements.append(try item(depth: depth + 1))
        }
        return elements
    }

    private mutating func members(_ count: UInt64?, _ depth: Int) throws(EvidenceError) -> [CBOR: CBOR] {
        var members: [CBOR: CBOR] = [:]
        while count.map({ UInt64(members.count) < $0 }) ?? !takeBreak() {
            let key = try item(depth: depth + 1)
            guard members.updateValue(try item(depth: depth + 1), forKey: key) == nil else {
                throw EvidenceError(.malformed, "CBOR map before byte \(position) has a key twice")
            }
        }
        return members
    }
}
