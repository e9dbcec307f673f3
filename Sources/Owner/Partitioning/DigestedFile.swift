// SPDX-License-Identifier: Apache-2.0
internal import Crypto
internal import Glibc

/// A new file that is written sequentially, with its SHA-256. Write errors are reported at the end.
final class DigestedFile {
    private let descriptor: Int32
    private let label: String
    private var hash = SHA256()
    private var byteCount = 0
    /// The system's number of the first write that failed.
    private var failure: Int32?
    private var pending: [UInt8] = []

    private static let bufferBytes = 1 << 20

    /// - Parameter label: What errors name as the file.
    /// - Throws: ``PartitioningError`` `.file` if the file exists or cannot be created.
    init(creating path: String, label: String) throws(PartitioningError) {
        let opened = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard opened >= 0 else { throw Self.unwritable(label, errno) }
        (descriptor, self.label) = (opened, label)
    }

    deinit { close(descriptor) }

    /// - Parameter number: `errno` of the call that failed.
    static func unwritable(_ label: String, _ number: Int32) -> PartitioningError {
        PartitioningError(
            .file,
            "\(label) cannot be written: \(String(cString: strerror(number))); check that its parent folder exists, "
                + "is writable and has space")
    }

    func write(_ bytes: UnsafeRawBufferPointer) {
        hash.update(bufferPointer: bytes)
        byteCount += bytes.count
        // Names and types of a graph are a few bytes each, so they are buffered.
        if bytes.count < Self.bufferBytes {
            pending.append(contentsOf: bytes)
            if pending.count < Self.bufferBytes { return }
            return flush()
        }
        flush()
        store(bytes)
    }

    /// Size and digest.
    ///
    /// - Throws: ``PartitioningError`` `.file` if a write failed.
    func finish() throws(PartitioningError) -> (byteCount: Int, digest: [UInt8]) {
        flush()
        if let failure { throw Self.unwritable(label, failure) }
        return (byteCount, Array(hash.finalize()))
    }

    private func flush() {
        pending.withUnsafeBytes(store)
        pending.removeAll(keepingCapacity: true)
    }

    private func store(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty, failure == nil {
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { failure = count < 0 ? errno : EIO } else { rest = rest.dropFirst(count) }
        }
    }
}
