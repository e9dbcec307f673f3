// SPDX-License-Identifier: Apache-2.0
/// Reads fields of a message from untrusted bytes. Every read is checked against the remaining bytes; nothing is
/// allocated from an unchecked length.
struct SpanReader: ~Copyable, ~Escapable {
    private let span: RawSpan
    private let subject: StaticString
    private(set) var offset = 0

    /// - Parameter subject: A description of the bytes, for errors.
    @_lifetime(copy span)
    init(_ span: RawSpan, of subject: StaticString) {
        self.span = span
        self.subject = subject
    }

    var remaining: Int { span.byteCount - offset }

    func malformed(_ reason: String) -> SealedChannelError {
        SealedChannelError(.malformed, "\(subject): \(reason)")
    }

    /// Skips `count` bytes and returns their range.
    @_lifetime(self: copy self)
    mutating func skip(_ count: Int, _ field: StaticString) throws(SealedChannelError) -> Range<Int> {
        guard count >= 0, count <= remaining else {
            throw malformed("\(field) at byte \(offset) needs \(count) bytes, \(remaining) are left")
        }
        defer { offset += count }
        return offset..<offset + count
    }

    @_lifetime(self: copy self)
    mutating func littleEndian<Value: FixedWidthInteger & BitwiseCopyable>(
        _: Value.Type = Value.self, _ field: StaticString
    ) throws(SealedChannelError) -> Value {
        let range = try skip(MemoryLayout<Value>.size, field)
        return Value(littleEndian: span.unsafeLoadUnaligned(fromByteOffset: range.lowerBound, as: Value.self))
    }

    @_lifetime(self: copy self)
    mutating func bigEndian<Value: FixedWidthInteger & BitwiseCopyable>(
        _: Value.Type = Value.self, _ field: StaticString
    ) throws(SealedChannelError) -> Value {
        let range = try skip(MemoryLayout<Value>.size, field)
        return Value(bigEndian: span.unsafeLoadUnaligned(fromByteOffset: range.lowerBound, as: Value.self))
    }

    /// A copy of the next `count` bytes. Not for secrets.
    @_lifetime(self: copy self)
    mutating func array(_ count: Int, _ field: StaticString) throws(SealedChannelError) -> [UInt8] {
        let range = try skip(count, field)
        return span.extracting(range).withUnsafeBytes { [UInt8]($0) }
    }

    /// A variable-length integer (RFC 9000 section 16), in as many bytes as its sender chose.
    @_lifetime(self: copy self)
    mutating func variableLengthInteger(_ field: StaticString) throws(SealedChannelError) -> Int {
        let first = try bigEndian(UInt8.self, field)
        var value = Int(first & 0x3F)
        for _ in 1..<(1 << (first >> 6)) {
            value = value << 8 | Int(try bigEndian(UInt8.self, field))
        }
        return value
    }

    /// - Throws: ``SealedChannelError`` when one of the bytes left is not zero.
    @_lifetime(self: copy self)
    mutating func zeros(_ count: Int, _ field: StaticString) throws(SealedChannelError) {
        let range = try skip(count, field)
        let clean = span.extracting(range).withUnsafeBytes { bytes in bytes.allSatisfy { $0 == 0 } }
        guard clean else { throw malformed("\(field) is not zero") }
    }

    /// - Throws: ``SealedChannelError`` when bytes are left.
    func finish() throws(SealedChannelError) {
        guard remaining == 0 else { throw malformed("\(remaining) bytes follow the end at byte \(offset)") }
    }
}
