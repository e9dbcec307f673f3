// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization
package import Wire

/// A host's listening socket for enclaves: a Unix socket, or a port of AF_VSOCK.
package final class StreamListener: Sendable {
    package enum Address: Sendable, Hashable, CustomStringConvertible {
        case unix(path: String)
        case vsock(port: UInt32)

        package var description: String {
            switch self {
            case .unix(let path): "unix:\(path)"
            case .vsock(let port): "vsock:\(port)"
            }
        }
    }

    package let address: Address
    private let descriptor: Int32
    private let isClosed = Atomic(false)

    /// Starts listening. The file of a Unix socket gets mode 0600, and replaces a socket without a listener.
    ///
    /// - Throws: ``WireError`` (system) when the address is not available.
    package init(_ address: Address) throws(WireError) {
        self.address = address
        switch address {
        case .unix(let path): descriptor = try UnixAddress(path).bind()
        case .vsock(let port):
            descriptor = try VsockAddress(contextID: VsockAddress.anyContextID, port: port).bind()
        }
        guard listen(descriptor, 8) == 0 else {
            throw WireError(.system, "\(address): listening failed: \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        _ = Glibc.close(descriptor)
        if case .unix(let path) = address { unlink(path) }
    }

    /// Waits for a connection.
    ///
    /// - Returns: `nil` once this was closed.
    /// - Throws: ``WireError`` (system).
    package func accept() throws(WireError) -> DescriptorStream? {
        while !isClosed.load(ordering: .relaxed) {
            // A listening socket of AF_VSOCK cannot be shut down, so the wait has a timeout.
            var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&event, 1, 200) > 0 else { continue }
            let connection = Glibc.accept(descriptor, nil, nil)
            if connection >= 0 {
                _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
                return DescriptorStream(socket: connection, largestWrite: DescriptorStream.deviceWriteBytes)
            }
            guard [EINTR, ECONNABORTED, EAGAIN].contains(errno) else {
                throw WireError(.system, "\(address): accepting failed: \(String(cString: strerror(errno)))")
            }
        }
        return nil
    }

    /// Ends a waiting ``accept()``.
    package func close() { isClosed.store(true, ordering: .relaxed) }
}
