// SPDX-License-Identifier: Apache-2.0
/// The CRC-32 of Ethernet and zlib (polynomial 0x04C11DB7, reflected).
///
/// - Source: ISO 3309; RFC 1952, section 8.
struct CRC32 {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320 }
    }

    private var state: UInt32 = 0xFFFF_FFFF

    mutating func update(_ bytes: some Sequence<UInt8>) {
        Self.table.withUnsafeBufferPointer { table in
            for byte in bytes { state = state >> 8 ^ table[Int((state ^ UInt32(byte)) & 0xFF)] }
        }
    }

    var value: UInt32 { state ^ 0xFFFF_FFFF }
}
