// SPDX-License-Identifier: Apache-2.0
internal import Crypto
internal import Hexadecimal

/// SHA-256 over labelled, length-prefixed values, so that different lists of values never give the same bytes.
struct InputHasher {
    private var hash = SHA256()

    mutating func add(_ label: String, _ value: String) {
        for text in [label, value] {
            var text = text
            text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
        }
    }

    /// Includes every stored property of `value`, also those that are added later.
    mutating func add(_ label: String, everythingOf value: Any) { add(label, String(reflecting: value)) }

    private mutating func add(_ bytes: UnsafeRawBufferPointer) {
        withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { hash.update(bufferPointer: $0) }
        hash.update(bufferPointer: bytes)
    }

    /// 64 lower-case hexadecimal digits.
    func digest() -> String { hash.finalize().hex }

    static func digest(of bytes: UnsafeRawBufferPointer) -> String {
        var hash = SHA256()
        hash.update(bufferPointer: bytes)
        return hash.finalize().hex
    }
}
