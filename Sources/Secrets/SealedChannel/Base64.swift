// SPDX-License-Identifier: Apache-2.0
internal import SecretMemory

/// Base64 (RFC 4648 section 4) between memory that its callers wipe: no `String`, no table that secret bits index, and
/// only the canonical encoding is accepted.
enum Base64 {
    static func encodedByteCount(_ byteCount: Int) -> Int { (byteCount + 2) / 3 * 4 }

    /// Writes the encoding of `source` to `target`, which has ``encodedByteCount(_:)`` bytes.
    static func encode(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) {
        var written = 0
        for start in stride(from: 0, to: source.count, by: 3) {
            let left = source.count - start
            var group = UInt32(source[start]) << 16
            if left > 1 { group |= UInt32(source[start + 1]) << 8 }
            if left > 2 { group |= UInt32(source[start + 2]) }
            for position in 0..<4 {
                let sextet = UInt8(truncatingIfNeeded: group >> UInt32(18 - 6 * position)) & 63
                target[written] = position <= left ? digit(sextet) : UInt8(ascii: "=")
                written += 1
            }
        }
    }

    /// Writes the bytes that `source` encodes to `target`. Returns whether `source` was the canonical encoding of
    /// exactly that many bytes.
    static func decode(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Bool {
        guard source.count == encodedByteCount(target.count) else { return false }
        var flawless = true
        for start in stride(from: 0, to: target.count, by: 3) {
            let left = min(3, target.count - start)
            var group: UInt32 = 0
            for position in 0..<4 {
                let character = source[start / 3 * 4 + position]
                let sextet = position <= left ? value(character) : character == UInt8(ascii: "=") ? 0 : -1
                flawless = flawless && sextet >= 0
                group = group << 6 | UInt32(truncatingIfNeeded: sextet & 63)
            }
            for position in 0..<3 {
                let byte = UInt8(truncatingIfNeeded: group >> UInt32(16 - 8 * position))
                if position < left { target[start + position] = byte } else { flawless = flawless && byte == 0 }
            }
        }
        return flawless
    }

    /// The character of a number under 64, by comparison masks.
    private static func digit(_ sextet: UInt8) -> UInt8 {
        let value = Int16(sextet)
        var character = value + 65
        character += ((25 - value) >> 15) & 6
        character -= ((51 - value) >> 15) & 75
        character -= ((61 - value) >> 15) & 15
        character += ((62 - value) >> 15) & 3
        return UInt8(truncatingIfNeeded: character)
    }

    /// The number of a character, or -1, by comparison masks.
    private static func value(_ character: UInt8) -> Int16 {
        let code = Int16(character)
        var value: Int16 = -1
        func add(_ low: UInt8, _ high: UInt8, _ offset: Int16) {
            let inside = ((Int16(low) - 1 - code) & (code - Int16(high) - 1)) >> 15
            value += inside & (code - Int16(low) + offset + 1)
        }
        add(UInt8(ascii: "A"), UInt8(ascii: "Z"), 0)
        add(UInt8(ascii: "a"), UInt8(ascii: "z"), 26)
        add(UInt8(ascii: "0"), UInt8(ascii: "9"), 52)
        add(UInt8(ascii: "+"), UInt8(ascii: "+"), 62)
        add(UInt8(ascii: "/"), UInt8(ascii: "/"), 63)
        return value
    }
}
