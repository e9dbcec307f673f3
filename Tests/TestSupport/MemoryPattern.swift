// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Bytes that can be recognised in memory without being stored there: each is computed when it is needed.
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

    /// - Parameters:
    ///   - inDumps: Only in pages that a core dump would hold, so not in those of `SecretMemory`.
    ///   - byte: What was made of each byte.
    package func occurrences(
        start: Int, count: Int, inDumps: Bool = false, byte: (MemoryPattern, Int) -> UInt8
    ) -> Int {
        var found = 0
        for range in Self.writableMemory(inDumps: inDumps) {
            guard let base = UnsafeRawPointer(bitPattern: range.lowerBound) else { continue }
            let memory = UnsafeRawBufferPointer(start: base, count: range.count)
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

    /// The addresses of this process's writable memory: all of it, or what the kernel does not leave out of core dumps.
    private static func writableMemory(inDumps: Bool) -> [Range<UInt>] {
        let content = FileHandle(forReadingAtPath: inDumps ? "/proc/self/smaps" : "/proc/self/maps")?
            .readDataToEndOfFile()
        var ranges: [Range<UInt>] = []
        var isWritable = false
        for line in String(decoding: content ?? Data(), as: UTF8.self).split(separator: "\n") {
            let ends = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
            if ends.count == 2, ends[0] < ends[1] {
                isWritable = line.contains(" rw-p ")
                if isWritable { ranges.append(ends[0]..<ends[1]) }
            } else if inDumps, isWritable, line.hasPrefix("VmFlags:"), line.split(separator: " ").contains("dd") {
                ranges.removeLast()
            }
        }
        return ranges
    }
}
