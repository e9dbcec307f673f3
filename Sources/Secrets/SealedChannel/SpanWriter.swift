// SPDX-License-Identifier: Apache-2.0
/// Writes fields into zeroed memory, whose size was computed in advance, so that secrets are never copied by a growing
/// buffer. Writing past the end is a programming error.
struct SpanWriter: ~Copyable {
    private let target: UnsafeMutableRawBufferPointer
    private(set) var offset = 0

    init(_ target: UnsafeMutableRawBufferPointer) { self.target = target }

    /// A public message of exactly `byteCount` bytes.
    static func array(_ byteCount: Int, _ write: (inout SpanWriter) -> Void) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            let raw = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[0..<byteCount])
            raw.initializeMemory(as: UInt8.self, repeating: 0)
            var writer = SpanWriter(raw)
            write(&writer)
            writer.finish()
            count = byteCount
        }
    }

    private mutating func next(_ count: Int) -> UnsafeMutableRawBufferPointer {
        precondition(count >= 0 && count <= target.count - offset, "a message longer than it was planned")
        defer { offset += count }
        return UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + count])
    }

    mutating func littleEndian<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        next(MemoryLayout<Value>.size).storeBytes(of: value.littleEndian, as: Value.self)
    }

    mutating func bigEndian<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        next(MemoryLayout<Value>.size).storeBytes(of: value.bigEndian, as: Value.self)
    }

    mutating func bytes(_ bytes: [UInt8]) { next(bytes.count).copyBytes(from: bytes) }

    mutating func bytes(_ bytes: RawSpan) {
        let part = next(bytes.byteCount)
        bytes.withUnsafeBytes { part.copyMemory(from: $0) }
    }

    mutating func bytes(_ bytes: UnsafeRawBufferPointer) { next(bytes.count).copyMemory(from: bytes) }

    /// Leaves `count` bytes zero.
    mutating func zeros(_ count: Int) { _ = next(count) }

    /// The shortest encoding of RFC 9000 section 16.
    mutating func variableLengthInteger(_ value: Int) {
        switch Self.byteCount(ofVariableLengthInteger: value) {
        case 1: bigEndian(UInt8(value))
        case 2: bigEndian(UInt16(value) | 0x4000)
        case 4: bigEndian(UInt32(value) | 0x8000_0000)
        default: bigEndian(UInt64(value) | 0xC000_0000_0000_0000)
        }
    }

    static func byteCount(ofVariableLengthInteger value: Int) -> Int {
        precondition(value >= 0 && value < 1 << 62, "outside the variable-length integers")
        return value < 1 << 6 ? 1 : value < 1 << 14 ? 2 : value < 1 << 30 ? 4 : 8
    }

    consuming func finish() { precondition(offset == target.count, "a message shorter than it was planned") }
}
