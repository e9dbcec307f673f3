// SPDX-License-Identifier: Apache-2.0
import Glibc
package import Wire

/// A stream of bytes over file descriptors that it owns: a socket, a character device, or a pair of pipes. It needs `read`
/// and `write` only, which all of them have.
package final class DescriptorStream: ByteStream {
    private let input: Int32
    private let output: Int32
    private let largestWrite: Int

    /// The most bytes of one `write` to a virtual machine's device: vhost-device-vsock 0.3.0 stalls forever on one of
    /// about 60,000 bytes (rust-vmm/vhost-device#494).
    package static let deviceWriteBytes = 16_384

    /// SIGPIPE must not end the process when the peer has closed. Child processes get the default action back
    /// (`CSpawn`).
    private static let ignoresBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    /// - Parameters:
    ///   - input: The descriptor to read from; closed when this object is released.
    ///   - output: The descriptor to write to; may be `input`.
    ///   - largestWrite: The most bytes of one `write`.
    package init(input: Int32, output: Int32, largestWrite: Int = .max) {
        _ = Self.ignoresBrokenPipes
        (self.input, self.output, self.largestWrite) = (input, output, largestWrite)
    }

    /// - Parameter socket: A connected stream socket, or a device for reading and writing; closed when this object is
    ///   released.
    package convenience init(socket: Int32, largestWrite: Int = .max) {
        self.init(input: socket, output: socket, largestWrite: largestWrite)
    }

    deinit {
        _ = Glibc.close(input)
        if output != input { _ = Glibc.close(output) }
    }

    package func read(into free: UnsafeMutableRawBufferPointer) throws(WireError) -> Int {
        while true {
            let count = Glibc.read(input, free.baseAddress, free.count)
            if count >= 0 { return count }
            switch errno {
            case EINTR: continue
            // Another process that shares the descriptor may have made it non-blocking.
            case EAGAIN: try Self.wait(for: POLLIN, of: input)
            case ECONNRESET, EPIPE: throw WireError(.closed, "the peer is gone")
            default: throw WireError(.system, "reading failed with errno \(errno)")
            }
        }
    }

    package func write(_ bytes: UnsafeRawBufferPointer, more: Bool) throws(WireError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(output, rest.baseAddress, min(rest.count, largestWrite))
            if count > 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if count < 0, errno == EAGAIN {
                try Self.wait(for: POLLOUT, of: output)
            } else if count == 0 || errno != EINTR {
                throw WireError(.closed, "writing failed with errno \(errno)")
            }
        }
    }

    /// The maximum number of buffers in one `sendmsg` (IOV_MAX is 1024).
    private static let mostPlaces = 64

    package func writeWithoutWaiting(_ places: [UnsafeRawBufferPointer]) throws(WireError) -> Int {
        // A device accepts short writes only.
        guard largestWrite == .max else { return 0 }
        var vectors = places.prefix(Self.mostPlaces).map {
            iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count)
        }
        let count = vectors.withUnsafeMutableBufferPointer { vectors in
            var message = msghdr()
            message.msg_iov = vectors.baseAddress
            message.msg_iovlen = vectors.count
            return sendmsg(output, &message, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
        }
        if count >= 0 { return count }
        switch errno {
        // A pipe is not a socket.
        case EAGAIN, EINTR, ENOTSOCK, ENOBUFS: return 0
        default: throw WireError(.closed, "writing failed with errno \(errno)")
        }
    }

    package func waitForInput(
        atMost time: Duration, orUntilReadable other: Int32?
    ) throws(WireError) -> Bool {
        // Rounded up, so that a short wait is not a busy one. A day is enough: the caller repeats the call.
        let milliseconds = Int32(min(time, .seconds(86_400)) / .milliseconds(1)) + 1
        func event(_ descriptor: Int32) -> pollfd { pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0) }
        // `poll` ignores a negative descriptor.
        var events = (event(input), event(other ?? -1))
        let count = withUnsafeMutableBytes(of: &events) {
            poll($0.bindMemory(to: pollfd.self).baseAddress, 2, milliseconds)
        }
        guard count >= 0 || errno == EINTR else { throw WireError(.system, "waiting failed with errno \(errno)") }
        return count > 0 && events.0.revents != 0
    }

    package func close() {
        // Fails for descriptors that are not sockets.
        _ = shutdown(input, Int32(SHUT_RDWR))
        if output != input { _ = shutdown(output, Int32(SHUT_RDWR)) }
    }

    private static func wait(for event: Int32, of descriptor: Int32) throws(WireError) {
        var wanted = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        guard poll(&wanted, 1, -1) >= 0 || errno == EINTR else {
            throw WireError(.system, "waiting failed with errno \(errno)")
        }
    }

    /// Two connected Unix sockets that are closed on exec.
    package static func socketPair() throws(WireError) -> (Int32, Int32) {
        var descriptors: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &descriptors) == 0 else {
            throw WireError(.system, "no socket pair could be made: errno \(errno)")
        }
        return (descriptors[0], descriptors[1])
    }
}
