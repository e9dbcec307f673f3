// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Files that hold a secret: they have mode 0600, belong to this user, and are written atomically.
package enum SecretFile {
    /// Reads a file that only its owner may read.
    ///
    /// - Parameter maximumBytes: A larger file is refused before anything is allocated.
    /// - Throws: ``SecretMemoryError``: not a regular file (links are not followed), owned by somebody other than this
    ///   user or root, accessible by group or others, too large.
    package static func read(_ path: String, maximumBytes: Int) throws(SecretMemoryError) -> SecretBytes {
        // Without O_NONBLOCK, opening a pipe would wait for its writer.
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw openFailure(path, errno) }
        defer { close(descriptor) }
        let byteCount = try checkedByteCount(of: descriptor, path: path, maximumBytes: maximumBytes)
        return try SecretBytes(count: byteCount) { (target) throws(SecretMemoryError) in
            var filled = 0
            while filled < byteCount {
                let got = Glibc.read(descriptor, target.baseAddress! + filled, byteCount - filled)
                if got < 0, errno == EINTR { continue }
                guard got > 0 else {
                    let reason = got < 0 ? String(cString: strerror(errno)) : "it shrank meanwhile"
                    throw SecretMemoryError(.inputOutput, "'\(path)' cannot be read: \(reason)")
                }
                filled += got
            }
        }
    }

    /// Writes `bytes` to `path` with mode 0600, through a temporary file in the same folder.
    ///
    /// - Throws: ``SecretMemoryError``; `.exists` when there is a file already and `overwriting` is false.
    package static func write(
        _ bytes: RawSpan, to path: String, overwriting: Bool = false
    ) throws(SecretMemoryError) {
        var suffix = SystemRandomNumberGenerator()
        let temporary = "\(path).\(String(suffix.next(), radix: 36)).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw writeFailure(path, errno) }
        // After a rename the temporary file no longer exists.
        defer { unlink(temporary) }
        try writeAll(bytes, toClosing: descriptor, path: path)
        if overwriting {
            guard rename(temporary, path) == 0 else { throw writeFailure(path, errno) }
        } else {
            try renameToNewName(temporary, path)
        }
        synchronizeFolder(of: path)
    }

    /// Renames `temporary` to `path` unless that exists. Unlike a rename, a hard link never replaces an existing file;
    /// on a file system without links, an empty file reserves the name first.
    private static func renameToNewName(_ temporary: String, _ path: String) throws(SecretMemoryError) {
        if link(temporary, path) == 0 { return }
        guard [EPERM, EOPNOTSUPP, ENOSYS].contains(errno) else { throw writeFailure(path, errno) }
        let reserved = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard reserved >= 0 else { throw writeFailure(path, errno) }
        close(reserved)
        guard rename(temporary, path) == 0 else {
            let code = errno
            unlink(path)
            throw writeFailure(path, code)
        }
    }

    private static func checkedByteCount(
        of descriptor: CInt, path: String, maximumBytes: Int
    ) throws(SecretMemoryError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw openFailure(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SecretMemoryError(.notARegularFile, "'\(path)' is not a regular file; name the file itself")
        }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw SecretMemoryError(
                .notPrivate,
                "'\(path)' holds a secret but belongs to user \(status.st_uid); make a copy that you own")
        }
        guard status.st_mode & 0o077 == 0 else {
            let mode = String(status.st_mode & 0o777, radix: 8)
            throw SecretMemoryError(
                .notPrivate,
                "'\(path)' holds a secret but others may use it (mode 0\(mode), expected 0600); run: chmod 600 \(path)")
        }
        guard status.st_size <= maximumBytes else {
            throw SecretMemoryError(
                .tooLarge, "'\(path)' has \(status.st_size) bytes, expected a secret of at most \(maximumBytes)")
        }
        return Int(status.st_size)
    }

    private static func writeAll(
        _ bytes: RawSpan, toClosing descriptor: CInt, path: String
    ) throws(SecretMemoryError) {
        defer { close(descriptor) }
        guard fchmod(descriptor, 0o600) == 0 else { throw writeFailure(path, errno) }
        try bytes.withUnsafeBytes { (source) throws(SecretMemoryError) in
            var written = 0
            while written < source.count {
                let count = Glibc.write(descriptor, source.baseAddress! + written, source.count - written)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw writeFailure(path, errno) }
                written += count
            }
        }
        guard fsync(descriptor) == 0 else { throw writeFailure(path, errno) }
    }

    /// Makes the new name durable. Some file systems do not support this, which is not an error.
    private static func synchronizeFolder(of path: String) {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        close(descriptor)
    }

    private static func openFailure(_ path: String, _ code: CInt) -> SecretMemoryError {
        switch code {
        case ENOENT, ENOTDIR: SecretMemoryError(.notFound, "'\(path)' does not exist")
        case ELOOP:
            SecretMemoryError(.notARegularFile, "'\(path)' is a symbolic link; name the file that it points to")
        default: SecretMemoryError(.inputOutput, "'\(path)' cannot be opened: \(String(cString: strerror(code)))")
        }
    }

    private static func writeFailure(_ path: String, _ code: CInt) -> SecretMemoryError {
        switch code {
        case EEXIST: SecretMemoryError(.exists, "'\(path)' exists; remove it or choose another name")
        default: SecretMemoryError(.inputOutput, "'\(path)' cannot be written: \(String(cString: strerror(code)))")
        }
    }
}
