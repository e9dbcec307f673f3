// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Looks for runs of bytes in large memories.
///
/// Every aligned 8-byte word of the memory is looked up among all 8-byte windows of the searched bytes. A run of 15
/// bytes or more contains such a word at any alignment, so none is missed; a match is then extended to both sides.
/// Words of one repeated byte are ignored: they are frequent, and a run of nothing else proves nothing.
struct MemoryScan {
    struct Sought {
        let name: String
        let bytes: [UInt8]
        /// A run of this many bytes, anywhere in ``bytes``, counts. At least 15.
        let run: Int

        /// All bytes of the secret.
        init(_ name: String, _ bytes: [UInt8]) { self.init(name, bytes, run: bytes.count) }

        init(_ name: String, _ bytes: [UInt8], run: Int) {
            precondition(run >= 15 && run <= bytes.count, "\(name): a run of \(run) bytes cannot be sought")
            (self.name, self.bytes, self.run) = (name, bytes, run)
        }
    }

    private static let filterBits = 22
    private static let pageBytes = sysconf(Int32(_SC_PAGESIZE))
    private let sought: [Sought]
    private var windows: [UInt64: [(item: Int, offset: Int)]] = [:]
    private var filter = [Bool](repeating: false, count: 1 << filterBits)

    init(_ sought: [Sought]) {
        self.sought = sought
        for (item, one) in sought.enumerated() {
            for offset in 0...(one.bytes.count - 8) {
                let word = one.bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
                guard word != (word << 8 | word >> 56) else { continue }
                windows[word, default: []].append((item, offset))
                filter[Self.slot(word)] = true
            }
        }
    }

    private static func slot(_ word: UInt64) -> Int {
        Int(truncatingIfNeeded: (word &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - filterBits))
    }

    /// The names of what is in `bytes`.
    func found(in bytes: [UInt8]) -> Set<String> { bytes.withUnsafeBytes { found(in: $0) } }

    private func found(in memory: UnsafeRawBufferPointer) -> Set<String> {
        var names: Set<String> = []
        filter.withUnsafeBufferPointer { filter in
            var position = 0
            while position + 8 <= memory.count {
                let word = memory.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                if filter[Self.slot(word)], let candidates = windows[word] {
                    for candidate in candidates where !names.contains(sought[candidate.item].name) {
                        if isRun(candidate, at: position, in: memory) { names.insert(sought[candidate.item].name) }
                    }
                }
                position += 8
            }
        }
        return names
    }

    private func isRun(
        _ candidate: (item: Int, offset: Int), at position: Int, in memory: UnsafeRawBufferPointer
    ) -> Bool {
        let one = sought[candidate.item]
        var (before, after) = (0, 8)
        while before < min(candidate.offset, position), before < one.run,
            memory[position - before - 1] == one.bytes[candidate.offset - before - 1]
        { before += 1 }
        while candidate.offset + after < one.bytes.count, position + after < memory.count, after < one.run,
            memory[position + after] == one.bytes[candidate.offset + after]
        { after += 1 }
        return before + after >= one.run
    }

    /// The names of what is in the memory of a process, and how much of it was read.
    func found(inProcess process: pid_t) throws -> (names: Set<String>, bytes: Int) {
        let descriptor = open("/proc/\(process)/mem", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Unexpected("the memory of process \(process) cannot be read: errno \(errno)")
        }
        defer { close(descriptor) }
        // What crosses the end of one chunk is whole in the next.
        let (chunk, overlap) = (8 << 20, 4096)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunk, alignment: 16)
        defer { buffer.deallocate() }
        var (names, total): (Set<String>, Int) = ([], 0)
        for range in try Self.readableRanges(of: process) {
            var start = range.lowerBound
            while start < range.upperBound {
                let count = pread(descriptor, buffer.baseAddress, min(chunk, range.upperBound - start), start)
                guard count > 0 else {
                    // Unmapped since the list was made, or not readable: the memory after it is still read.
                    start += Self.pageBytes
                    continue
                }
                total += count
                names.formUnion(found(in: UnsafeRawBufferPointer(rebasing: buffer[..<count])))
                start += count > overlap && start + count < range.upperBound ? count - overlap : count
            }
        }
        return (names, total)
    }

    /// The kernel gives a page of this file at a time, which Foundation takes for all of it.
    private static func wholeText(of path: String) throws -> String {
        guard let file = fopen(path, "re") else { throw Unexpected("\(path) cannot be read: errno \(errno)") }
        defer { fclose(file) }
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&piece, 1, piece.count, file), count > 0 { text += piece[..<count] }
        return String(decoding: text, as: UTF8.self)
    }

    private static func readableRanges(of process: pid_t) throws -> [Range<Int>] {
        try wholeText(of: "/proc/\(process)/maps").split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ", maxSplits: 5)
            let bounds = fields[0].split(separator: "-").compactMap { Int($0, radix: 16) }
            guard fields[1].hasPrefix("r"), bounds.count == 2, !line.hasSuffix("[vsyscall]"), !line.contains("[vvar")
            else { return nil }
            return bounds[0]..<bounds[1]
        }
    }
}
