internal import Crypto
internal import Glibc

/// A new file that is written from its start on, with its SHA-256. What fails shows at the end.
final class DigestedFile {
    private let descriptor: Int32
    private var hash = SHA256()
    private var byteCount = 0
    private var failed = false
    private var pending: [UInt8] = []

    private static let bufferBytes = 1 << 20

    /// `nil` where the file cannot be made, or is there already.
    init?(creating path: String) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    func write(_ bytes: UnsafeRawBufferPointer) {
        hash.update(bufferPointer: bytes)
        byteCount += bytes.count
        // Names and types of a graph are a few bytes each.
        if bytes.count < Self.bufferBytes {
            pending.append(contentsOf: bytes)
            if pending.count < Self.bufferBytes { return }
            return flush()
        }
        flush()
        store(bytes)
    }

    /// Size and digest; `nil` where not everything could be written.
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
