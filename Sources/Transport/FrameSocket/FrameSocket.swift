import Glibc
import Synchronization
package import Tensors
package import Wire

/// Blocking frames over a connected Unix stream socket that it owns.
///
/// One thread reads; any thread may write, one frame at a time. To avoid that both ends wait for each other to read, the
/// host's reader never writes. A vanished peer is an error, never a signal.
package final class FrameSocket<Incoming: WireMessage, Outgoing: WireMessage>: Sendable {
    private let descriptor: Int32
    private let decoder: Mutex<FrameDecoder<Incoming>>
    private let writing = Mutex(())

    /// - Parameters:
    ///   - descriptor: Closed when the socket is released.
    ///   - allocator: Where incoming payloads, and so the tensors in them, are kept.
    package init(descriptor: Int32, allocator: StorageAllocator = .standard) {
        self.descriptor = descriptor
        self.decoder = Mutex(FrameDecoder(allocator: allocator))
    }

    deinit { _ = Glibc.close(descriptor) }

    /// Waits for the next frame.
    ///
    /// - Parameter limits: What is accepted from the peer.
    /// - Returns: `nil` when the peer closed the connection between two frames.
    /// - Throws: ``WireError``; nothing more can be read then.
    package func read(limits: FrameLimits = FrameLimits()) throws(WireError) -> ReceivedFrame<Incoming>? {
        try decoder.withLock { (decoder) throws(WireError) in
            decoder.limits = limits
            var ended = false
            while !ended {
                let frame = try decoder.receive { (free) throws(WireError) in
                    let count = try receive(into: free)
                    ended = count == 0
                    return count
                }
                if let frame { return frame }
            }
            guard decoder.isBetweenFrames else { throw WireError(.closed, "the peer closed in the middle of a frame") }
            return nil
        }
    }

    /// Waits until there is something to read, or the peer has closed.
    ///
    /// - Parameters:
    ///   - time: How long at most.
    ///   - other: A descriptor that ends the wait as well when there is something to read from it.
    /// - Returns: Whether there is something to read from this socket; `false` when the time is over, or for `other` alone.
    /// - Throws: ``WireError`` (system).
    package func waitForInput(
        atMost time: Duration, orUntilReadable other: Int32? = nil
    ) throws(WireError) -> Bool {
        // Rounded up, so that a short wait is not a busy one. A day is enough: the caller asks again.
        let milliseconds = Int32(min(time, .seconds(86_400)) / .milliseconds(1)) + 1
        func event(_ descriptor: Int32) -> pollfd { pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0) }
        // A negative descriptor is passed over.
        var events = (event(descriptor), event(other ?? -1))
        let count = withUnsafeMutableBytes(of: &events) {
            poll($0.bindMemory(to: pollfd.self).baseAddress, 2, milliseconds)
        }
        guard count >= 0 || errno == EINTR else { throw WireError(.system, "waiting failed with errno \(errno)") }
        return count > 0 && events.0.revents != 0
    }

    /// Writes one frame.
    ///
    /// - Throws: ``WireError``; nothing more can be written then.
    package func write(_ message: Outgoing, requestID: UInt64) throws(WireError) {
        let frame = OutgoingFrame(message, requestID: requestID)
        try writing.withLock { (_) throws(WireError) in
            for (index, segment) in frame.segments.enumerated() {
                let isLast = index == frame.segments.count - 1
                try segment.withBytes { (bytes) throws(WireError) in try send(bytes, more: !isLast) }
            }
        }
    }

    /// Ends both directions, so that a blocked reader returns.
    package func close() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

    private func receive(into free: UnsafeMutableRawBufferPointer) throws(WireError) -> Int {
        while true {
            let count = recv(descriptor, free.baseAddress, free.count, 0)
            if count >= 0 { return count }
            guard errno == EINTR else { throw WireError(.system, "reading a frame failed with errno \(errno)") }
        }
    }

    private func send(_ bytes: UnsafeRawBufferPointer, more: Bool) throws(WireError) {
        let flags = Int32(MSG_NOSIGNAL) | (more ? Int32(MSG_MORE) : 0)
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.send(descriptor, rest.baseAddress, rest.count, flags)
            if count > 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if errno != EINTR {
                throw WireError(.closed, "writing a frame failed with errno \(errno)")
            }
        }
    }
}

extension FrameSocket where Incoming == EnclaveMessage, Outgoing == HostMessage {
    /// The host's end and a descriptor for the enclave's.
    ///
    /// - Returns: The descriptor is closed on exec; the caller hands it to the enclave process and closes it.
    package static func pair(
        allocator: StorageAllocator = .standard
    ) throws(WireError) -> (host: FrameSocket, enclaveDescriptor: Int32) {
        var descriptors: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &descriptors) == 0 else {
            throw WireError(.system, "no socket pair could be made: errno \(errno)")
        }
        return (FrameSocket(descriptor: descriptors[0], allocator: allocator), descriptors[1])
    }
}

/// The host's end.
package typealias HostSocket = FrameSocket<EnclaveMessage, HostMessage>
/// The enclave's end.
package typealias EnclaveSocket = FrameSocket<HostMessage, EnclaveMessage>
