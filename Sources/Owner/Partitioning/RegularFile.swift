// SPDX-License-Identifier: Apache-2.0
package import Crypto
internal import Glibc
package import SealedChannel

/// An open regular file. The checked file is the one that is read, even if its path leads to another one meanwhile.
///
/// Errors begin with the label. Their code is `damagedBundle` for invalid content and `file` for system errors.
package final class RegularFile: Sendable {
    /// The size when the file was opened, in bytes.
    package let byteCount: Int
    private let label: String
    private let descriptor: Int32
    private let modified: timespec

    private static let chunkBytes = 1 << 20

    /// Opens a file without reading it. A pipe without a writer or a terminal does not block it.
    ///
    /// - Parameters:
    ///   - name: A path; a relative one is resolved in `folder`.
    ///   - folder: The descriptor of an open folder; by default the working directory.
    ///   - followsLink: Whether the last component may be a symbolic link. Users may name links; a bundle has none.
    ///   - label: The file's name in errors.
    /// - Throws: ``PartitioningError`` for anything but a regular file.
    package init(
        opening name: String, in folder: Int32? = nil, followsLink: Bool, label: String
    ) throws(PartitioningError) {
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (followsLink ? 0 : O_NOFOLLOW)
        let descriptor = openat(folder ?? AT_FDCWD, name, flags)
        guard descriptor >= 0 else { throw Self.refusal(of: label, errno, followsLink: followsLink) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            let kind = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "a pipe or a device"
            throw PartitioningError(.damagedBundle, "\(label) is \(kind), expected a regular file")
        }
        self.label = label
        self.descriptor = descriptor
        byteCount = Int(status.st_size)
        modified = status.st_mtim
    }

    deinit { close(descriptor) }

    private static func refusal(of label: String, _ code: Int32, followsLink: Bool) -> PartitioningError {
        switch code {
        case ENOENT, ENOTDIR: PartitioningError(.damagedBundle, "\(label) is missing")
        case ELOOP:
            PartitioningError(
                .damagedBundle,
                followsLink
                    ? "\(label) is a link that leads to itself" : "\(label) is a link, expected a regular file")
        case ENXIO, ENODEV:
            PartitioningError(.damagedBundle, "\(label) is a socket or a device, expected a regular file")
        case EACCES, EPERM: PartitioningError(.file, "\(label) cannot be read: check its permissions")
        default: PartitioningError(.file, "\(label) cannot be opened: \(String(cString: strerror(code)))")
        }
    }

    /// The whole file and its SHA-256, read once into one allocation.
    ///
    /// - Throws: ``PartitioningError`` when the file changes meanwhile, or the allocation fails.
    package func contents() throws(PartitioningError) -> (bytes: [UInt8], digest: ContentDigest) {
        // An array would trap if the allocation failed.
        guard let probe = malloc(max(1, byteCount)) else {
            throw PartitioningError(.file, "\(label): \(byteCount) bytes of memory are not available")
        }
        free(probe)
        var hash = SHA256()
        var failure: PartitioningError?
        let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            do throws(PartitioningError) {
                try read(into: UnsafeMutableRawBufferPointer(buffer)) { hash.update(bufferPointer: $0) }
                count = byteCount
            } catch { failure = error }
        }
        if let failure { throw failure }
        return (bytes, Self.contentDigest(hash))
    }

    /// The SHA-256 of the whole file, read in chunks.
    ///
    /// - Throws: ``PartitioningError`` when the file changes meanwhile.
    package func digest() throws(PartitioningError) -> ContentDigest {
        var hash = SHA256()
        try update(&hash)
        return Self.contentDigest(hash)
    }

    /// Adds the whole file to a digest.
    ///
    /// - Throws: ``PartitioningError`` when the file changes meanwhile.
    package func update(_ hash: inout SHA256) throws(PartitioningError) {
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunkBytes, alignment: 16)
        defer { chunk.deallocate() }
        var offset = 0
        while offset < byteCount {
            let part = UnsafeMutableRawBufferPointer(rebasing: chunk[..<min(Self.chunkBytes, byteCount - offset)])
            try fill(part, from: offset)
            hash.update(bufferPointer: UnsafeRawBufferPointer(part))
            offset += part.count
        }
        try checkUnchanged()
    }

    /// Fills `buffer`, which has ``byteCount`` bytes, and passes each chunk to `body` after reading it.
    ///
    /// - Throws: ``PartitioningError`` when the file changes meanwhile.
    package func read(
        into buffer: UnsafeMutableRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void = { _ in }
    ) throws(PartitioningError) {
        var offset = 0
        while offset < byteCount {
            let end = min(byteCount, offset + Self.chunkBytes)
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<end])
            try fill(part, from: offset)
            body(UnsafeRawBufferPointer(part))
            offset = end
        }
        try checkUnchanged()
    }

    /// Reads some of the bytes, for a caller who checks the digest of the whole file. The digest detects changes of the
    /// content; a new modification time alone is accepted.
    ///
    /// - Throws: ``PartitioningError`` when the file has another size than when it was opened.
    package func bytes(_ range: Range<Int>) throws(PartitioningError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        var elements = bytes.mutableSpan
        try elements.withUnsafeMutableBytes { (target) throws(PartitioningError) in
            try fill(target, from: range.lowerBound)
        }
        try checkSize()
        return bytes
    }

    private func fill(_ part: UnsafeMutableRawBufferPointer, from offset: Int) throws(PartitioningError) {
        var done = 0
        while done < part.count {
            let count = pread(descriptor, part.baseAddress.map { $0 + done }, part.count - done, off_t(offset + done))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw PartitioningError(.file, "\(label) cannot be read: \(String(cString: strerror(errno)))")
            }
            guard count > 0 else {
                throw PartitioningError(
                    .damagedBundle,
                    "\(label) ended at byte \(offset + done) while it was read, expected \(byteCount) bytes")
            }
            done += count
        }
    }

    private func checkSize() throws(PartitioningError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, Int(status.st_size) == byteCount else {
            throw PartitioningError(
                .damagedBundle, "\(label) changed since it was opened, expected \(byteCount) bytes")
        }
    }

    /// If the path is replaced, the open file stays the same; if the file is written to, it is refused.
    private func checkUnchanged() throws(PartitioningError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, Int(status.st_size) == byteCount,
            status.st_mtim.tv_sec == modified.tv_sec, status.st_mtim.tv_nsec == modified.tv_nsec
        else {
            throw PartitioningError(
                .damagedBundle, "\(label) changed while it was read: try again when nothing writes to it")
        }
    }

    private static func contentDigest(_ hash: SHA256) -> ContentDigest {
        guard let digest = ContentDigest(bytes: Array(hash.finalize())) else {
            preconditionFailure("SHA-256 has \(SHA256.byteCount) bytes")
        }
        return digest
    }
}
