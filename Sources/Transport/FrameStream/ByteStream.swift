// SPDX-License-Identifier: Apache-2.0
package import Wire

/// A connected stream of bytes in both directions. One thread reads; writing threads take turns.
package protocol ByteStream: Sendable {
    /// Waits for bytes and reads some of them.
    ///
    /// - Returns: How many bytes were read, at least 1; 0 when the peer closed the stream.
    /// - Throws: ``WireError``; nothing more can be read then.
    func read(into free: UnsafeMutableRawBufferPointer) throws(WireError) -> Int

    /// Writes all bytes.
    ///
    /// - Parameter more: Whether more bytes of the same message follow, so that these need not be sent yet.
    /// - Throws: ``WireError`` (closed) if the peer has closed the stream; this never raises a signal.
    func write(_ bytes: UnsafeRawBufferPointer, more: Bool) throws(WireError)

    /// Writes as many of these bytes as the stream accepts without blocking.
    ///
    /// - Returns: How many bytes were written; 0 from a stream that cannot tell whether it would wait.
    /// - Throws: ``WireError`` (closed) if the peer has closed the stream.
    func writeWithoutWaiting(_ places: [UnsafeRawBufferPointer]) throws(WireError) -> Int

    /// Waits until there is something to read, or the peer has closed.
    ///
    /// - Parameters:
    ///   - time: The timeout.
    ///   - other: A descriptor that ends the wait as well when there is something to read from it.
    /// - Returns: Whether there is something to read from this stream; `false` when the time is over, or for `other` alone.
    /// - Throws: ``WireError`` (system).
    func waitForInput(atMost time: Duration, orUntilReadable other: Int32?) throws(WireError) -> Bool

    /// Ends both directions. A blocked reader of a socket returns; a reader of another kind of descriptor returns with
    /// its next byte.
    func close()
}

extension ByteStream {
    package func writeWithoutWaiting(_ places: [UnsafeRawBufferPointer]) throws(WireError) -> Int { 0 }
}
