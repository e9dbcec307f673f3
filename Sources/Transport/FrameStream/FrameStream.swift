// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization
package import Tensors
package import Wire

/// Blocking frames over a stream of bytes that it owns.
///
/// One thread reads; any thread may write, one frame at a time. The host's reader never writes, so that the two ends
/// cannot deadlock, each waiting for the other to read. A closed peer is an error, never a signal.
package final class FrameStream<Incoming: WireMessage, Outgoing: WireMessage>: Sendable {
    private let stream: any ByteStream
    private let decoder: Mutex<FrameDecoder<Incoming>>
    private let writing = Mutex(())

    /// - Parameters:
    ///   - stream: Released with this object.
    ///   - allocator: Allocates the memory of incoming payloads and of the tensors in them.
    package init(_ stream: any ByteStream, allocator: StorageAllocator = .standard) {
        self.stream = stream
        self.decoder = Mutex(FrameDecoder(allocator: allocator))
    }

    /// - Parameter descriptor: A connected socket, closed when this is released.
    package convenience init(descriptor: Int32, allocator: StorageAllocator = .standard) {
        self.init(DescriptorStream(socket: descriptor), allocator: allocator)
    }

    /// Waits for the next frame.
    ///
    /// - Parameter limits: The limits on the peer's frames.
    /// - Returns: `nil` when the peer closed the connection between two frames.
    /// - Throws: ``WireError``; nothing more can be read then.
    package func read(limits: FrameLimits = FrameLimits()) throws(WireError) -> ReceivedFrame<Incoming>? {
        try decoder.withLock { (decoder) throws(WireError) in
            decoder.limits = limits
            var ended = false
            while !ended {
                let frame = try decoder.receive { (free) throws(WireError) in
                    let count = try stream.read(into: free)
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
    ///   - time: The timeout.
    ///   - other: A descriptor that ends the wait as well when there is something to read from it.
    /// - Returns: Whether there is something to read from this stream; `false` when the time is over, or for `other` alone.
    /// - Throws: ``WireError`` (system).
    package func waitForInput(
        atMost time: Duration, orUntilReadable other: Int32? = nil
    ) throws(WireError) -> Bool {
        try stream.waitForInput(atMost: time, orUntilReadable: other)
    }

    /// Writes one frame.
    ///
    /// - Throws: ``WireError``; nothing more can be written then.
    package func write(_ message: Outgoing, requestID: UInt64) throws(WireError) {
        let frame = OutgoingFrame(message, requestID: requestID)
        try writing.withLock { (_) throws(WireError) in try write(frame, from: 0) }
    }

    /// Writes as much of a frame as the stream accepts without blocking. The caller must write the rest before anything
    /// else.
    ///
    /// - Returns: How many bytes were written.
    /// - Throws: ``WireError``; nothing more can be written then.
    package func writeWithoutWaiting(_ frame: OutgoingFrame) throws(WireError) -> Int {
        try frame.withBytes { (places) throws(WireError) in try stream.writeWithoutWaiting(places) }
    }

    /// Writes what follows the first `written` bytes of a frame. Nothing else may be written meanwhile.
    ///
    /// - Throws: ``WireError``; nothing more can be written then.
    package func write(_ frame: OutgoingFrame, from written: Int) throws(WireError) {
        try frame.withBytes(from: written) { (places) throws(WireError) in
            for (index, bytes) in places.enumerated() { try stream.write(bytes, more: index < places.count - 1) }
        }
    }

    /// Ends both directions, so that a blocked reader returns.
    package func close() { stream.close() }
}

extension FrameStream where Incoming == EnclaveMessage, Outgoing == HostMessage {
    /// The host's end and a descriptor for the enclave's.
    ///
    /// - Returns: A descriptor that is closed on exec; the caller passes it to the enclave process and closes it.
    package static func pair(
        allocator: StorageAllocator = .standard
    ) throws(WireError) -> (host: FrameStream, enclaveDescriptor: Int32) {
        let (host, enclave) = try DescriptorStream.socketPair()
        return (FrameStream(descriptor: host, allocator: allocator), enclave)
    }
}

/// The host's end.
package typealias HostStream = FrameStream<EnclaveMessage, HostMessage>
/// The enclave's end.
package typealias EnclaveStream = FrameStream<HostMessage, EnclaveMessage>
