// SPDX-License-Identifier: Apache-2.0
import Glibc
package import Wire

/// The path of a Unix stream socket (unix(7)).
package struct UnixAddress: Sendable, Hashable {
    package let path: String

    /// - Throws: ``WireError`` (system) if the path is longer than the kernel allows.
    package init(_ path: String) throws(WireError) {
        let longest = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1
        guard (1...longest).contains(path.utf8.count) else {
            throw WireError(.system, "'\(path)': the path of a Unix socket has 1 to \(longest) bytes")
        }
        self.path = path
    }

    /// Connects a stream socket, closed on exec.
    package func connect() throws(WireError) -> Int32 {
        let descriptor = try make()
        guard call(Glibc.connect, descriptor) == 0 else { throw failure(descriptor, "connecting") }
        return descriptor
    }

    /// A bound stream socket, closed on exec, whose file only its user can use.
    ///
    /// - Throws: ``WireError`` (system), for example if another process listens there.
    package func bind() throws(WireError) -> Int32 {
        var status = stat()
        if lstat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFSOCK else {
                throw WireError(.system, "'\(path)' exists and is no socket; remove it or name another path")
            }
            if let other = try? connect() {
                _ = close(other)
                throw WireError(.system, "another process listens at '\(path)'; stop it or name another path")
            }
            unlink(path)
        }
        let descriptor = try make()
        let mask = umask(0o177)
        let bound = call(Glibc.bind, descriptor)
        umask(mask)
        guard bound == 0 else { throw failure(descriptor, "binding") }
        return descriptor
    }

    private func make() throws(WireError) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw WireError(.system, "no socket could be made: errno \(errno)") }
        return descriptor
    }

    private func failure(_ descriptor: Int32, _ what: String) -> WireError {
        let number = errno
        _ = close(descriptor)
        return WireError(.system, "\(what) '\(path)' failed: \(String(cString: strerror(number)))")
    }

    private func call(
        _ function: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32, _ descriptor: Int32
    ) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
