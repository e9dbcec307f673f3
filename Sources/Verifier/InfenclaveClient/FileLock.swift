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
        guard descriptor >= 0 else { throw Self.failure(path) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                close(descriptor)
                throw Self.failure(path)
            }
        }
    }

    func release() { close(descriptor) }

    private static func failure(_ path: String) -> ClientError {
        ClientError(.unusableFile, "\(path) cannot be locked", remedy: "check that its folder exists and is writable")
    }
}
