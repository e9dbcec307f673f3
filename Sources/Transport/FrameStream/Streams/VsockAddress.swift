// SPDX-License-Identifier: Apache-2.0
import Glibc
package import Wire

/// An address of AF_VSOCK, which connects a virtual machine with its host (vsock(7)).
package struct VsockAddress: Sendable, Hashable {
    /// Context identifier: 2 is the host, 3 the parent of a Nitro enclave.
    package let contextID: UInt32
    package let port: UInt32

    package static let anyContextID = UInt32.max
    private static let family: UInt16 = 40

    package init(contextID: UInt32, port: UInt32) {
        self.contextID = contextID
        self.port = port
    }

    /// `struct sockaddr_vm`: u16 family, u16 0, u32 port, u32 context identifier, 4 zero bytes.
    private var bytes: [UInt8] {
        var bytes: [UInt8] = []
        withUnsafeBytes(of: Self.family) { bytes += $0 }
        bytes += [0, 0]
        withUnsafeBytes(of: port) { bytes += $0 }
        withUnsafeBytes(of: contextID) { bytes += $0 }
        return bytes + [0, 0, 0, 0]
    }

    /// Connects a stream socket.
    ///
    /// - Returns: The socket, closed on exec.
    /// - Throws: ``WireError`` (system) with the error number.
    package func connect() throws(WireError) -> Int32 {
        try open { Glibc.connect($0, $1, $2) }
    }

    /// A bound stream socket.
    package func bind() throws(WireError) -> Int32 {
        try open { Glibc.bind($0, $1, $2) }
    }

    private func open(
        _ call: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(WireError) -> Int32 {
        let descriptor = socket(
            Int32(Self.family), Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else {
            throw WireError(
                .system,
                "this kernel has no vsock (errno \(errno)): load the module vsock, with vmw_vsock_virtio_transport in a guest and vhost_vsock on its host"
            )
        }
        let address = bytes
        let status = address.withUnsafeBytes { buffer -> Int32 in
            guard let start = buffer.baseAddress else { return -1 }
            return call(descriptor, start.assumingMemoryBound(to: sockaddr.self), socklen_t(buffer.count))
        }
        guard status == 0 else {
            let number = errno
            _ = close(descriptor)
            throw WireError(.system, "vsock \(contextID):\(port): \(String(cString: strerror(number)))")
        }
        return descriptor
    }
}
