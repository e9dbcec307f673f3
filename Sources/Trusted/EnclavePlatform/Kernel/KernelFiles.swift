// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The file operations that the kernel's attestation interfaces use. It is a protocol, so that tests can simulate the
/// kernel's behaviour.
package protocol KernelFiles: Sendable {
    /// Reads to the end.
    ///
    /// - Throws: ``KernelError``; `EFBIG` when there is more than `limit`.
    func read(_ path: String, limit: Int) throws(KernelError) -> [UInt8]
    /// Opens for writing, writes all bytes in one call, closes.
    func write(_ bytes: [UInt8], to path: String) throws(KernelError)
    func makeDirectory(_ path: String) throws(KernelError)
    func removeDirectory(_ path: String) throws(KernelError)
}

/// A system call's error number.
package struct KernelError: Error, Sendable, Hashable {
    package let number: Int32
    package init(_ number: Int32) { self.number = number }

    package static let noEntry = KernelError(ENOENT)
}

/// The machine's own files.
package struct MachineFiles: KernelFiles {
    package init() {}

    package func read(_ path: String, limit: Int) throws(KernelError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw KernelError(errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 else { throw KernelError(errno) }
            if count == 0 { return bytes }
            guard count <= limit - bytes.count else { throw KernelError(EFBIG) }
            bytes.append(contentsOf: buffer[..<count])
        }
    }

    package func write(_ bytes: [UInt8], to path: String) throws(KernelError) {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw KernelError(errno) }
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        let failure = errno
        // Attributes of configfs take effect when the file is closed, and closing may fail.
        let closed = close(descriptor)
        guard count == bytes.count else { throw KernelError(count < 0 ? failure : EIO) }
        guard closed == 0 else { throw KernelError(errno) }
    }

    package func makeDirectory(_ path: String) throws(KernelError) {
        guard mkdir(path, 0o700) == 0 else { throw KernelError(errno) }
    }

    package func removeDirectory(_ path: String) throws(KernelError) {
        guard rmdir(path) == 0 else { throw KernelError(errno) }
    }
}
