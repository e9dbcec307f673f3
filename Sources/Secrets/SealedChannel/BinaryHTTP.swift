// SPDX-License-Identifier: Apache-2.0
/// A header field. Names are lower-case tokens (RFC 9113 section 8.2.1). Nothing secret belongs in one.
package struct HTTPField: Sendable, Hashable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// Limits and shared pieces of binary HTTP messages (RFC 9292).
enum BinaryHTTP {
    static let maximumFields = 64
    static let maximumNameBytes = 256
    static let maximumValueBytes = 4096
    static let maximumContentChunks = 1024
    static let maximumInformationalResponses = 8

    static func byteCount(ofString string: String) -> Int {
        SpanWriter.byteCount(ofVariableLengthInteger: string.utf8.count) + string.utf8.count
    }

    static func byteCount(of fields: [HTTPField]) -> Int {
        fields.reduce(0) { $0 + byteCount(ofString: $1.name) + byteCount(ofString: $1.value) }
    }

    static func byteCount(fields: [HTTPField], contentByteCount: Int) -> Int {
        let section = byteCount(of: fields)
        return SpanWriter.byteCount(ofVariableLengthInteger: section) + section
            + SpanWriter.byteCount(ofVariableLengthInteger: contentByteCount) + contentByteCount + 1
    }

    /// RFC 9110 section 5.6.2, without upper case.
    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    /// Visible characters, spaces and tabs, and obsolete text; RFC 9110 section 5.5.
    static func isValueByte(_ byte: UInt8) -> Bool { byte == 9 || (byte >= 0x20 && byte != 0x7F) }

    static func isVisible(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F }
}

extension SpanWriter {
    mutating func string(_ string: String) {
        variableLengthInteger(string.utf8.count)
        bytes(Array(string.utf8))
    }

    mutating func fieldSection(_ fields: [HTTPField]) {
        variableLengthInteger(BinaryHTTP.byteCount(of: fields))
        for field in fields {
            string(field.name)
            string(field.value)
        }
    }
}

extension SpanReader {
    /// A length-prefixed string of visible ASCII.
    @_lifetime(self: copy self)
    mutating func visibleString(_ field: StaticString) throws(SealedChannelError) -> String {
        try string(length: try variableLengthInteger(field), limit: BinaryHTTP.maximumValueBytes, field) { bytes in
            bytes.allSatisfy(BinaryHTTP.isVisible)
        }
    }

    /// A header or trailer section. A message may end before one, which is then empty (RFC 9292 section 3.8).
    @_lifetime(self: copy self)
    mutating func fieldSection(knownLength: Bool) throws(SealedChannelError) -> [HTTPField] {
        var fields: [HTTPField] = []
        guard remaining > 0 else { return fields }
        var left = knownLength ? try variableLengthInteger("length of a field section") : remaining
        guard left <= remaining else {
            throw malformed("a field section of \(left) bytes, \(remaining) are left")
        }
        while left > 0 {
            let start = offset
            let nameLength = try variableLengthInteger("length of a field name")
            if nameLength == 0, !knownLength { return fields }
            guard fields.count < BinaryHTTP.maximumFields else {
                throw malformed("over \(BinaryHTTP.maximumFields) header fields")
            }
            let name = try string(length: nameLength, limit: BinaryHTTP.maximumNameBytes, "field name") { bytes in
                !bytes.isEmpty && bytes.allSatisfy(BinaryHTTP.isNameByte)
            }
            let valueLength = try variableLengthInteger("length of a field value")
            let value = try string(length: valueLength, limit: BinaryHTTP.maximumValueBytes, "field value") { bytes in
                bytes.allSatisfy(BinaryHTTP.isValueByte) && bytes.first != 0x20 && bytes.first != 9
                    && bytes.last != 0x20 && bytes.last != 9
            }
            left -= offset - start
            fields.append(HTTPField(name: name, value: value))
        }
        // A known length must end with a field line, an indeterminate section with its terminator.
        guard knownLength, left == 0 else { throw malformed("a field section that does not end where it should") }
        return fields
    }

    /// The range of the content. A message may end before the content, which is then empty.
    @_lifetime(self: copy self)
    mutating func content(knownLength: Bool) throws(SealedChannelError) -> [Range<Int>] {
        guard remaining > 0 else { return [] }
        if knownLength { return [try skip(try variableLengthInteger("length of the content"), "content")] }
        var chunks: [Range<Int>] = []
        while true {
            let length = try variableLengthInteger("length of a content chunk")
            if length == 0 { return chunks }
            guard chunks.count < BinaryHTTP.maximumContentChunks else {
                throw malformed("over \(BinaryHTTP.maximumContentChunks) content chunks")
            }
            chunks.append(try skip(length, "content chunk"))
        }
    }

    /// - Throws: ``SealedChannelError`` when what is left is not zero.
    @_lifetime(self: copy self)
    mutating func padding() throws(SealedChannelError) { try zeros(remaining, "padding") }

    @_lifetime(self: copy self)
    private mutating func string(
        length: Int, limit: Int, _ field: StaticString, where isValid: ([UInt8]) -> Bool
    ) throws(SealedChannelError) -> String {
        guard length <= limit else { throw malformed("\(field) of \(length) bytes, the limit is \(limit)") }
        let bytes = try array(length, field)
        guard isValid(bytes), let string = String(validating: bytes, as: UTF8.self) else {
            throw malformed("\(field) has characters that it must not have")
        }
        return string
    }
}
