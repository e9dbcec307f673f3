// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A lock between processes that change one file. The kernel releases it when the process ends for any reason. The
/// lock's file is not removed: otherwise two processes could lock two different files of the same name.
struct FileLock {
    private let descriptor: Int32

    /// Waits until no other process holds the lock.
    ///
    /// - Throws: ``ClientError`` `.unusableFile` when the file cannot be made.
    init(_ path: String) throws(ClientError) {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure(path, errno) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                let number = errno
                close(descriptor)
                throw Self.failure(path, number)
            }
        }
    }

    func release() { close(descriptor) }

    private static func failure(_ path: String, _ number: Int32) -> ClientError {
        ClientError(
            .unusableFile, "\(path) cannot be locked\(SystemReason.suffix(of: number))",
            remedy: "check that its folder exists and is writable")
    }
}
