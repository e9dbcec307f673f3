// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The dynamic symbols of a 64-bit little-endian ELF file.
///
/// - Source: System V ABI, chapter 4 (symbol table) and 5 (dynamic linking).
enum ELFSymbols {
    private struct Malformed: Error {}

    /// The path of a library that this process has loaded.
    static func pathOfLibrary(named name: String) -> String? {
        // The size of this file is 0, so it is read to its end.
        let bytes = (try? FileHandle(forReadingAtPath: "/proc/self/maps")?.readToEnd()) ?? Data()
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").lazy.compactMap { line in
            line.firstIndex(of: "/").map { String(line[$0...]) }
        }.first { $0.contains("/\(name)") }
    }

    /// Names that the file uses and does not define.
    static func undefined(in path: String) throws -> [String] {
        let file = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
        func number<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) throws -> Int {
            guard offset >= 0, offset + MemoryLayout<Value>.size <= file.count else { throw Malformed() }
            return Int(
                truncatingIfNeeded: file.withUnsafeBytes {
                    Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self))
                })
        }
        let (sections, size, count) = (
            try number(UInt64.self, at: 40), try number(UInt16.self, at: 58), try number(UInt16.self, at: 60)
        )
        for index in 0..<count where try number(UInt32.self, at: sections + index * size + 4) == 11 {
            let section = sections + index * size
            let (start, bytes) = (try number(UInt64.self, at: section + 24), try number(UInt64.self, at: section + 32))
            let strings = sections + (try number(UInt32.self, at: section + 40)) * size
            let names = try number(UInt64.self, at: strings + 24)
            return try stride(from: start, to: start + bytes, by: 24).compactMap { symbol in
                guard try number(UInt16.self, at: symbol + 6) == 0 else { return nil }
                let first = names + (try number(UInt32.self, at: symbol))
                guard first < file.count, let end = file[first...].firstIndex(of: 0) else { throw Malformed() }
                return String(decoding: file[first..<end], as: UTF8.self)
            }
        }
        throw Malformed()
    }
}
