// SPDX-License-Identifier: Apache-2.0
/// The key stream of ChaCha20 with 32-byte keys. It consists of additions, rotations and exclusive ors only, so its
/// time does not depend on the key. swift-crypto has the cipher too, but leaves copies of its output in memory that is
/// not wiped.
///
/// - Source: RFC 8439 sections 2.1 to 2.4.
package enum ChaCha20 {
    package static let keyByteCount = 32
    package static let blockByteCount = 64

    private typealias Row = SIMD4<UInt32>

    /// Fills `target`, a whole number of blocks.
    ///
    /// - Parameter counter: The counter of the first block; it increases by one for each block.
    package static func keyStream(
        _ key: RawSpan, nonce: SIMD3<UInt32> = .zero, counter: UInt32, into target: UnsafeMutableRawBufferPointer
    ) {
        precondition(key.byteCount == keyByteCount && target.count % blockByteCount == 0)
        let constants = Row(0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574)
        let low = key.unsafeLoadUnaligned(as: Row.self)
        let high = key.unsafeLoadUnaligned(fromByteOffset: 16, as: Row.self)
        for block in 0..<target.count / blockByteCount {
            let last = Row(counter &+ UInt32(truncatingIfNeeded: block), nonce.x, nonce.y, nonce.z)
            var (a, b, c, d) = (constants, low, high, last)
            for _ in 0..<10 {
                quarterRounds(&a, &b, &c, &d)
                (b, c, d) = (rotatedLanes(b, 1), rotatedLanes(c, 2), rotatedLanes(d, 3))
                quarterRounds(&a, &b, &c, &d)
                (b, c, d) = (rotatedLanes(b, 3), rotatedLanes(c, 2), rotatedLanes(d, 1))
            }
            let offset = block * blockByteCount
            target.storeBytes(of: a &+ constants, toByteOffset: offset, as: Row.self)
            target.storeBytes(of: b &+ low, toByteOffset: offset + 16, as: Row.self)
            target.storeBytes(of: c &+ high, toByteOffset: offset + 32, as: Row.self)
            target.storeBytes(of: d &+ last, toByteOffset: offset + 48, as: Row.self)
        }
    }

    /// Four quarter rounds at once, one in each lane.
    @inline(__always)
    private static func quarterRounds(_ a: inout Row, _ b: inout Row, _ c: inout Row, _ d: inout Row) {
        a = a &+ b
        d = rotated(d ^ a, 16)
        c = c &+ d
        b = rotated(b ^ c, 12)
        a = a &+ b
        d = rotated(d ^ a, 8)
        c = c &+ d
        b = rotated(b ^ c, 7)
    }

    @inline(__always)
    private static func rotated(_ row: Row, _ bits: UInt32) -> Row {
        row &<< Row(repeating: bits) | row &>> Row(repeating: 32 - bits)
    }

    @inline(__always)
    private static func rotatedLanes(_ row: Row, _ lanes: Int) -> Row {
        switch lanes {
        case 1: Row(row.y, row.z, row.w, row.x)
        case 2: Row(row.z, row.w, row.x, row.y)
        default: Row(row.w, row.x, row.y, row.z)
        }
    }
}
