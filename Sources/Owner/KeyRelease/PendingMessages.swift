// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Encrypted messages in transit, one file each, so that a keyholder that was killed sends the same bytes again instead
/// of new ones. Only the enclave's run can decrypt them.
struct PendingMessages: Sendable {
    /// The folder, beside the log.
    private let folder: String
    private static let maximumBytes = 4 << 20
    /// Seconds after which no enclave can decrypt a message: its channel keys are replaced after an hour.
    static let life = 7200.0

    init(besides log: String) throws {
        folder = log + ".pending"
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw KeyReleaseError(.file, "\(folder) cannot be made", remedy: "check that the log's folder is writable")
        }
        try ReleaseLog.synchronizeFolder(of: folder)
    }

    /// Stores a message. It is on disk when this returns.
    func keep(_ message: [UInt8], digest: String) throws {
        let path = file(digest)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        let count = message.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard count == message.count, fsync(descriptor) == 0 else { throw failure(path) }
        try ReleaseLog.synchronizeFolder(of: path)
    }

    /// `nil` if it does not exist, or has another digest.
    func message(_ digest: String) -> [UInt8]? {
        guard let file = FileHandle(forReadingAtPath: file(digest)),
            let data = try? file.read(upToCount: Self.maximumBytes)
        else { return nil }
        return LogReader.digest(of: [UInt8](data)) == digest ? [UInt8](data) : nil
    }

    func remove(_ digest: String) { unlink(file(digest)) }

    /// Removes all messages but these. The removed ones were stored, but their release was never logged.
    func removeAll(but digests: Set<String>) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where !digests.contains(name) {
            unlink("\(folder)/\(name)")
        }
    }

    private func file(_ digest: String) -> String { "\(folder)/\(digest)" }

    private func failure(_ path: String) -> KeyReleaseError {
        KeyReleaseError(
            .file, "\(path) cannot be written: \(String(cString: strerror(errno)))", remedy: "make room on its disk")
    }
}
