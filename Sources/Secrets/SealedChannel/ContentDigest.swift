// SPDX-License-Identifier: Apache-2.0
internal import Crypto
internal import Hexadecimal

/// A SHA-256 digest of public bytes, such as a manifest.
package struct ContentDigest: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Bytes of a digest: SHA-256.
    package static let byteCount = 32

    /// Exactly ``byteCount`` bytes.
    package let bytes: [UInt8]

    /// Adopts the bytes of a digest; `nil` unless there are ``byteCount``.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    init(_ digest: SHA256.Digest) { bytes = Array(digest) }

    /// The digest of `content`.
    package init(of content: RawSpan) {
        self.init(content.withUnsafeBytes { SHA256.hash(data: $0) })
    }

    /// The digest of `content`.
    package init(of content: [UInt8]) { self.init(SHA256.hash(data: content)) }

    /// The order of the bytes.
    package static func < (left: Self, right: Self) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }

    /// 64 lower-case hex digits.
    package var description: String { bytes.hex }

    /// The digest that 64 lower-case hex digits spell, or `nil`.
    package init?(hexadecimal: String) {
        guard let bytes = [UInt8](lowercaseHex: hexadecimal, count: Self.byteCount) else { return nil }
        self.init(bytes: bytes)
    }
}
