// SPDX-License-Identifier: Apache-2.0
/// Bytes of a file with big-endian fields. Reads beyond the end return `nil`.
struct BigEndianBytes {
    private let bytes: UnsafeRawBufferPointer

    /// Valid while `bytes` is; used only inside the closure that lends the bytes.
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var count: Int { bytes.count }

    /// Lends the bytes to a C codec.
    func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        bytes.withMemoryRebound(to: UInt8.self, body)
    }

    func u8(at offset: Int) -> UInt8? {
        offset >= 0 && offset < count ? bytes[offset] : nil
    }

    func u16(at offset: Int) -> UInt16? {
        guard offset >= 0, offset <= count - 2 else { return nil }
        return UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    func u32(at offset: Int) -> UInt32? {
        guard offset >= 0, offset <= count - 4 else { return nil }
        return UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    func starts(with prefix: [UInt8], at offset: Int = 0) -> Bool {
        offset >= 0 && offset <= count - prefix.count
            && prefix.indices.allSatisfy { bytes[offset + $0] == prefix[$0] }
    }

    func dropping(_ length: Int) -> BigEndianBytes {
        BigEndianBytes(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(length)))
    }

    /// `nil` when the part extends beyond the end.
    func part(at offset: Int, count length: Int) -> BigEndianBytes? {
        guard offset >= 0, length >= 0, length <= count, offset <= count - length else { return nil }
        return BigEndianBytes(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length]))
    }
}
