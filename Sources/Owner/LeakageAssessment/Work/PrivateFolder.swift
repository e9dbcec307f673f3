// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// A folder that only its owner may write, since stored results are trusted.
enum PrivateFolder {
    /// - Throws: ``AssessmentError`` `.file` when the path exists and is no such folder.
    static func check(_ path: String) throws(AssessmentError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw failure(path, "it cannot be used")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw AssessmentError(.file, "\(path): it is a file, expected a folder")
        }
        guard status.st_uid == geteuid() else {
            throw AssessmentError(.file, "\(path): the folder belongs to another user, so its results are not trusted")
        }
        guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw AssessmentError(
                .file, "\(path): others may write the folder, so its results are not trusted; run: chmod 700")
        }
    }

    /// Creates the folder, and its parent, if they are missing.
    static func make(_ path: String) throws(AssessmentError) {
        var status = mkdir(path, 0o700)
        if status != 0, errno == ENOENT {
            let parent = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            if !parent.isEmpty, mkdir(parent, 0o777) == 0 || errno == EEXIST { status = mkdir(path, 0o700) }
        }
        guard status == 0 || errno == EEXIST else { throw failure(path, "the folder cannot be made") }
    }

    static func removeIfEmpty(_ path: String) { rmdir(path) }

    /// An error with the system's message for the last failed call, or for another number of the system.
    static func failure(_ path: String, _ what: String, _ number: Int32 = errno) -> AssessmentError {
        let reason: String
        switch number {
        case ENOSPC, EDQUOT, EFBIG: reason = "no space is left"
        case EACCES, EPERM: reason = "permission denied"
        case let code: reason = String(cString: strerror(code))
        }
        return AssessmentError(.file, "\(path): \(what): \(reason)")
    }
}
