// SPDX-License-Identifier: Apache-2.0
extension Array where Element == UInt8 {
    static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        Swift.withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    static func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        Swift.withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    static func zeros(_ count: Int) -> [UInt8] { Array(repeating: 0, count: count) }

    mutating func put(_ bytes: [UInt8], at offset: Int) {
        replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    }
}

extension ArraySlice where Element == UInt8 {
    /// An integer at an offset from the start of the slice.
    ///
    /// - Returns: `nil` if it does not lie in the slice.
    func littleEndian<Value: FixedWidthInteger>(_: Value.Type, at offset: Int) -> Value? {
        guard offset >= 0, offset <= count - MemoryLayout<Value>.size else { return nil }
        let start = startIndex + offset
        return self[start..<(start + MemoryLayout<Value>.size)].reversed().reduce(0) { $0 << 8 | Value($1) }
    }
}

extension Array where Element == UInt8 {
    func littleEndian<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value? {
        self[...].littleEndian(type, at: offset)
    }
}
