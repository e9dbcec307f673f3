// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// A keyholder's log on disk. Lines are only appended, each contains the digest of the previous one, and no action is
/// taken before its line is on disk.
package final class ReleaseLog {
    package let path: String
    private let descriptor: Int32
    private var count: Int
    private var head: String

    /// Opens or creates the log, and locks it against other keyholders.
    ///
    /// - Parameter entry: Called with each existing entry.
    /// - Throws: ``KeyReleaseError``: another keyholder holds the lock, the log was altered, or the file cannot be
    ///   opened.
    package init(_ path: String, _ entry: (LogEntry) -> Void) throws {
        self.path = path
        let made = access(path, F_OK) != 0
        descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw KeyReleaseError(
                .file, "\(path) cannot be opened: \(String(cString: strerror(errno)))",
                remedy: "check that its folder exists and is writable")
        }
        (count, head) = (0, "")
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw KeyReleaseError(
                .log, "another keyholder writes to \(path)", remedy: "stop it, or name another log with --log FILE")
        }
        if made { try Self.synchronizeFolder(of: path) }
        let found = try LogReader.read(path) { known, _ in entry(known) }
        // A crash cut this entry off before any action was taken on it.
        if found.incompleteBytes > 0 {
            guard ftruncate(descriptor, off_t(found.completeBytes)) == 0, fsync(descriptor) == 0 else {
                throw Self.failure(path)
            }
        }
        (count, head) = (found.count, found.head)
    }

    deinit { close(descriptor) }

    /// Appends an entry. It is on disk when this returns.
    ///
    /// - Returns: The entry with its number and the digest of the previous one.
    /// - Throws: ``KeyReleaseError`` (file). Then no action may be taken on the entry, and nothing more is written.
    @discardableResult
    package func append(_ entry: LogEntry) throws -> LogEntry {
        var entry = entry
        entry.number = count + 1
        entry.previous = head
        entry.reason = entry.reason.map { String($0.prefix(2000)) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let line = [UInt8](try encoder.encode(entry))
        let bytes = line + [0x0A]
        var written = 0
        while written < bytes.count {
            let result = bytes.withUnsafeBytes {
                write(descriptor, $0.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { throw Self.failure(path) }
            written += result
        }
        guard fsync(descriptor) == 0 else { throw Self.failure(path) }
        count = entry.number
        head = LogReader.digest(of: line)
        return entry
    }

    private static func failure(_ path: String) -> KeyReleaseError {
        KeyReleaseError(
            .file, "\(path) cannot be written: \(String(cString: strerror(errno)))",
            remedy: "make room on its disk, then start the keyholder again")
    }

    /// A new file is durable only when its folder is synchronised.
    static func synchronizeFolder(of path: String) throws {
        let folder = URL(filePath: path).deletingLastPathComponent().path
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(path) }
    }
}
