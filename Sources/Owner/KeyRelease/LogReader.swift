// SPDX-License-Identifier: Apache-2.0
import Crypto
import Evidence
import Foundation
import StrictJSON

/// Reads a keyholder's log and checks its chain.
package struct LogReader: Sendable {
    /// Limit of a line, above any entry that is written.
    static let maximumLineBytes = 1 << 14
    private static let chunkBytes = 1 << 16

    /// The result of reading a log.
    package struct Result: Sendable {
        /// Number of entries.
        package fileprivate(set) var count = 0
        /// SHA-256 of the last line; zeros for an empty log.
        package fileprivate(set) var head = LogEntry(.started, time: 0).previous
        /// Bytes after the last complete line: an entry that a crash cut off, before any action.
        package fileprivate(set) var incompleteBytes = 0
        package fileprivate(set) var completeBytes: UInt64 = 0
    }

    /// - Parameter body: Called with each entry and the digest of its line, in order.
    /// - Throws: ``KeyReleaseError`` (log) that names the first line that was altered.
    package static func read(
        _ path: String, _ body: (LogEntry, _ digest: String) throws -> Void = { _, _ in }
    ) throws -> Result {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw KeyReleaseError(.file, "\(path) cannot be opened", remedy: "check the path")
        }
        defer { try? file.close() }
        var result = Result()
        var rest: [UInt8] = []
        while let data = try file.read(upToCount: chunkBytes), !data.isEmpty {
            rest += data
            while let end = rest.firstIndex(of: 0x0A) {
                try take(Array(rest[..<end]), path, &result, body)
                rest.removeSubrange(...end)
            }
            guard rest.count <= maximumLineBytes else { throw altered(path, result.count + 1, "it is too long") }
        }
        result.incompleteBytes = rest.count
        return result
    }

    private static func take(
        _ line: [UInt8], _ path: String, _ result: inout Result, _ body: (LogEntry, String) throws -> Void
    ) throws {
        let number = result.count + 1
        let entry: LogEntry
        do { entry = try parse(line) } catch { throw altered(path, number, "it is no entry") }
        guard entry.number == number else { throw altered(path, number, "it says that it is number \(entry.number)") }
        guard entry.previous == result.head else {
            throw altered(path, number, "it does not follow the line before it")
        }
        result.count = number
        result.head = digest(of: line)
        result.completeBytes += UInt64(line.count + 1)
        try body(entry, result.head)
    }

    /// Parses one line without its line break.
    package static func parse(_ line: [UInt8]) throws -> LogEntry {
        guard line.count <= maximumLineBytes else { throw KeyReleaseError(.log, "the line is too long") }
        return try LogEntry(strictlyDecoding: line, name: "the entry")
    }

    static func digest(of line: [UInt8]) -> String {
        Array(SHA256.hash(data: line)).hex
    }

    private static func altered(_ path: String, _ number: Int, _ what: String) -> KeyReleaseError {
        KeyReleaseError(
            .log, "\(path), line \(number): \(what): the log was altered, or lines are missing",
            remedy: "keep this file as evidence, and begin another with --log FILE")
    }
}
