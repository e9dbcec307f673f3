// SPDX-License-Identifier: Apache-2.0
/// A sequential source of bytes, such as plaintext that is decrypted while it is read.
package protocol ByteSource: AnyObject {
    /// The total number of bytes.
    var byteCount: Int { get }

    /// Writes the next bytes to `target`. The caller asks for no more than are left.
    ///
    /// - Throws: ``TensorError`` when the source fails.
    func fill(_ target: UnsafeMutableRawBufferPointer) throws(TensorError)
}

/// Reads little-endian fields from untrusted bytes. Every read is checked against the remaining bytes; nothing is
/// allocated from an unchecked length.
package struct ByteReader: ~Copyable, ~Escapable {
    private let bytes: RawSpan
    /// The source of the bytes, if they are not in ``bytes``.
    private let source: (any ByteSource)?
    private let byteCount: Int
    /// The number of bytes that were read.
    package private(set) var offset = 0

    /// Reads from memory, which must outlive the reader.
    @_lifetime(copy bytes)
    package init(_ bytes: RawSpan) {
        self.bytes = bytes
        source = nil
        byteCount = bytes.byteCount
    }

    /// - Parameter source: A source from which nothing was read yet.
    @_lifetime(immortal)
    package init(_ source: any ByteSource) {
        bytes = RawSpan()
        self.source = source
        byteCount = source.byteCount
    }

    /// The number of bytes that are left.
    package var remaining: Int { byteCount - offset }

    /// - Throws: ``TensorError`` when fewer bytes are left.
    @_lifetime(self: copy self)
    private mutating func advance(_ count: Int, _ what: StaticString) throws(TensorError) -> Int {
        guard count >= 0, count <= remaining else {
            throw TensorError(.malformed, "\(what) at byte \(offset) needs \(count) bytes, \(remaining) are left")
        }
        defer { offset += count }
        return offset
    }

    /// An integer of this type.
    ///
    /// - Parameter what: The name of the field in error messages; likewise in the other functions.
    /// - Throws: ``TensorError`` when fewer bytes are left.
    @_lifetime(self: copy self)
    package mutating func read<Value: FixedWidthInteger & BitwiseCopyable>(
        _: Value.Type, _ what: StaticString
    ) throws(TensorError) -> Value {
        let start = try advance(MemoryLayout<Value>.size, what)
        if let source {
            var value: Value = 0
            try withUnsafeMutableBytes(of: &value) { (target) throws(TensorError) in try source.fill(target) }
            return Value(littleEndian: value)
        }
        return Value(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: start, as: Value.self))
    }

    /// An integer of the type that the context requires.
    @_lifetime(self: copy self)
    package mutating func read<Value: FixedWidthInteger & BitwiseCopyable>(
        _ what: StaticString
    ) throws(TensorError) -> Value {
        try read(Value.self, what)
    }

    /// A float32.
    @_lifetime(self: copy self)
    package mutating func readFloat(_ what: StaticString) throws(TensorError) -> Float {
        Float(bitPattern: try read(UInt32.self, what))
    }

    /// A copy of the next `count` bytes.
    @_lifetime(self: copy self)
    package mutating func readBytes(_ count: Int, _ what: StaticString) throws(TensorError) -> [UInt8] {
        let start = try advance(count, what)
        if let source {
            var copy = [UInt8](repeating: 0, count: count)
            var elements = copy.mutableSpan
            try elements.withUnsafeMutableBytes { (target) throws(TensorError) in try source.fill(target) }
            return copy
        }
        return bytes.extracting(start..<start + count).withUnsafeBytes { [UInt8]($0) }
    }

    /// Fills `target` with the next bytes.
    @_lifetime(self: copy self)
    package mutating func read(
        into target: UnsafeMutableRawBufferPointer, _ what: StaticString
    ) throws(TensorError) {
        let start = try advance(target.count, what)
        guard let source else {
            return bytes.extracting(start..<start + target.count).withUnsafeBytes { target.copyMemory(from: $0) }
        }
        try source.fill(target)
    }

    /// Lends the next `count` bytes, without a copy unless they come from a source.
    @_lifetime(self: copy self)
    package mutating func withBytes<Result>(
        _ count: Int, _ what: StaticString, _ body: (UnsafeRawBufferPointer) throws(TensorError) -> Result
    ) throws(TensorError) -> Result {
        if source != nil {
            let copy = try readBytes(count, what)
            return try copy.span.withUnsafeBytes { (buffer) throws(TensorError) in try body(buffer) }
        }
        let start = try advance(count, what)
        let part = bytes.extracting(start..<start + count)
        return try part.withUnsafeBytes { (buffer) throws(TensorError) in try body(buffer) }
    }

    /// A UTF-8 string with a 32-bit length prefix.
    @_lifetime(self: copy self)
    package mutating func readString(maximumBytes: Int, _ what: StaticString) throws(TensorError) -> String {
        let count = Int(try read(UInt32.self, what))
        guard count <= maximumBytes else {
            throw TensorError(.malformed, "\(what) claims \(count) bytes, the limit is \(maximumBytes)")
        }
        guard let string = String(validating: try readBytes(count, what), as: UTF8.self) else {
            throw TensorError(.malformed, "\(what) is not UTF-8")
        }
        return string
    }

    /// - Throws: ``TensorError`` when bytes are left.
    package func finish() throws(TensorError) {
        guard remaining == 0 else {
            throw TensorError(.malformed, "\(remaining) bytes follow the end at byte \(offset)")
        }
    }
}
