// SPDX-License-Identifier: Apache-2.0
internal import Crypto
internal import Glibc

/// A new file that is written sequentially, with its SHA-256. Write errors are reported at the end.
final class DigestedFile {
    private let descriptor: Int32
    private var hash = SHA256()
    private var byteCount = 0
    private var failed = false
    private var pending: [UInt8] = []

    private static let bufferBytes = 1 << 20

    /// `nil` if the file exists or cannot be created.
    init?(creating path: String) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return nil }
    }

    deinit { close(descriptor) }

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

    /// Size and digest; `nil` if a write failed.
    func finish() -> (byteCount: Int, digest: [UInt8])? {
        flush()
        return failed ? nil : (byteCount, Array(hash.finalize()))
    }

    private func flush() {
        pending.withUnsafeBytes(store)
        pending.removeAll(keepingCapacity: true)
    }

    private func store(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty, !failed {
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { failed = true } else { rest = rest.dropFirst(count) }
        }
    }
}
