// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Bytes that can be recognised in memory without being written there: each is computed when it is needed.
package struct MemoryPattern: Sendable {
    private let seed = UInt64.random(in: 0...UInt64.max)

    package init() {}

    package func byte(_ index: Int) -> UInt8 {
        var mixed = (seed &+ UInt64(index)) &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        return UInt8(truncatingIfNeeded: mixed ^ (mixed >> 27))
    }

    /// How often `count` consecutive bytes from `start` on are in the writable memory of this process.
    package func occurrences(start: Int, count: Int) -> Int {
        occurrences(start: start, count: count) { $0.byte($1) }
    }

    /// - Parameter byte: What was made of each byte.
    package func occurrences(start: Int, count: Int, byte: (MemoryPattern, Int) -> UInt8) -> Int {
        var found = 0
        let content = FileHandle(forReadingAtPath: "/proc/self/maps")?.readDataToEndOfFile()
        let maps = String(decoding: content ?? Data(), as: UTF8.self)
        for line in maps.split(separator: "\n") where line.contains(" rw-p ") {
            let range = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
            guard range.count == 2, let base = UnsafeRawPointer(bitPattern: range[0]) else { continue }
            let memory = UnsafeRawBufferPointer(start: base, count: Int(range[1] - range[0]))
            var offset = 0
            while offset + count <= memory.count {
                guard let hit = memchr(base + offset, Int32(byte(self, start)), memory.count - count - offset + 1)
                else {
                    break
                }
                offset = UnsafeRawPointer(hit) - base
                if (1..<count).allSatisfy({ memory[offset + $0] == byte(self, start + $0) }) { found += 1 }
                offset += 1
            }
        }
        return found
    }
}
