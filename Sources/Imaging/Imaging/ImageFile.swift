// SPDX-License-Identifier: Apache-2.0
import Glibc

extension Image {
    /// Decodes an image file. Error messages begin with `path`.
    ///
    /// - Throws: ``ImagingError``: `.unreadable`, or what ``init(decoding:)`` refuses.
    public init(contentsOf path: String) throws(ImagingError) {
        do {
            let bytes = try Self.bytes(ofFile: path)
            try self.init(decoding: bytes.span.bytes)
        } catch { throw error.about(path) }
    }

    /// The bytes of a regular file within the limits.
    ///
    /// - Throws: ``ImagingError`` `.unreadable`, `.tooLarge`; messages do not name `path`.
    package static func bytes(ofFile path: String) throws(ImagingError) -> [UInt8] {
        // Without O_NONBLOCK, opening a pipe would wait for its writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw ImagingError(.unreadable, SystemMessage.current) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw ImagingError(.unreadable, SystemMessage.current) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let kind = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "a device or pipe"
            throw ImagingError(.unreadable, "it is \(kind), expected a picture file")
        }
        guard status.st_size <= maximumFileBytes else {
            throw ImagingError(
                .tooLarge, "the file has \(status.st_size) bytes, the limit is \(maximumFileBytes)")
        }
        let size = Int(status.st_size)
        var failure: ImagingError?
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { target, count in
            while count < size, let base = target.baseAddress {
                let part = read(descriptor, base + count, size - count)
                if part < 0 {
                    if errno == EINTR { continue }
                    failure = ImagingError(.unreadable, SystemMessage.current)
                }
                // If the file has become shorter, its decoder finds it truncated.
                guard part > 0 else { break }
                count += part
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

/// The system's message for the last failed call (`errno`).
enum SystemMessage {
    static var current: String {
        switch errno {
        case ENOENT: "no such file or folder"
        case EACCES, EPERM: "permission denied"
        case ENOTDIR: "not a folder"
        case let code: strerror(code).map { String(cString: $0) } ?? "system error \(code)"
        }
    }
}
