// SPDX-License-Identifier: Apache-2.0
/// Writes little-endian fields; the counterpart of ``ByteReader``. Not for secrets: its buffer grows by copying.
package struct ByteWriter: Sendable {
    /// The bytes that were written.
    package private(set) var bytes: [UInt8] = []

    /// An empty writer.
    package init() {}

    /// Appends an integer, little-endian.
    package mutating func write<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Appends a float32.
    package mutating func write(_ value: Float) { write(value.bitPattern) }

    /// Appends bytes without a length.
    package mutating func write(bytes new: some Sequence<UInt8>) { bytes.append(contentsOf: new) }

    /// A UTF-8 string with a 32-bit length prefix.
    package mutating func write(_ string: String) {
        write(UInt32(string.utf8.count))
        bytes.append(contentsOf: string.utf8)
    }
}
