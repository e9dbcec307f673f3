// SPDX-License-Identifier: Apache-2.0
import Tensors

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Bounded reading of regular files. If a file shrinks during reading, the result is an error; with a memory mapping it
/// would be a crash.
final class ModelFile {
    private let descriptor: Int32
    let byteCount: Int

    /// - Parameter followsLink: Whether the path's last part may be a symbolic link.
    /// - Throws: ``ONNXImportError`` with code `unreadableFile`.
    init(opening path: String, followsLink: Bool) throws(ONNXImportError) {
        // Without O_NONBLOCK, opening a named pipe would wait for its writer.
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followsLink ? 0 : O_NOFOLLOW)
        let descriptor = open(path, flags)
        guard descriptor >= 0 else {
            throw ONNXImportError(.unreadableFile, "cannot be opened: \(String(cString: strerror(errno)))")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw ONNXImportError(.unreadableFile, "is a folder or a device, expected a file")
        }
        self.descriptor = descriptor
        self.byteCount = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Fills `buffer` from byte `offset` on.
    func read(into buffer: UnsafeMutableRawBufferPointer, from offset: Int) throws(ONNXImportError) {
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                throw ONNXImportError(.unreadableFile, "ends at byte \(offset + done), expected \(byteCount) bytes")
            }
            done += count
        }
    }

    /// Whether it stands for a file in Git's large file storage.
    func isPointer() throws(ONNXImportError) -> Bool {
        // A pointer has up to 1,024 bytes.
        guard byteCount <= 1024 else { return false }
        let start = UnsafeMutableRawBufferPointer.allocate(byteCount: min(64, byteCount), alignment: 1)
        defer { start.deallocate() }
        try read(into: start, from: 0)
        return FileKind.isPointer(Array(start))
    }

    /// The whole file.
    static func read(path: String, maximumBytes: Int) throws(ONNXImportError) -> Data {
        let file = try ModelFile(opening: path, followsLink: true)
        guard file.byteCount <= maximumBytes else {
            throw ONNXImportError(.tooLarge, "has \(file.byteCount) bytes, the limit is \(maximumBytes)")
        }
        guard file.byteCount > 0 else { throw ONNXImportError(.malformed, "the file is empty") }
        guard let memory = malloc(file.byteCount) else {
            throw ONNXImportError(.tooLarge, "\(file.byteCount) bytes of memory are not available")
        }
        let buffer = UnsafeMutableRawBufferPointer(start: memory, count: file.byteCount)
        do throws(ONNXImportError) { try file.read(into: buffer, from: 0) } catch {
            free(memory)
            throw error
        }
        return Data(bytesNoCopy: memory, count: file.byteCount, deallocator: .free)
    }

    /// The folder that holds the file.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The path without links, `.` and `..`; `nil` if nothing exists there.
    static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(validatingCString: resolved)
    }
}
