// SPDX-License-Identifier: Apache-2.0
import Glibc
package import Wire

/// One connection of an enclave with its host, over a stream that may have no notion of connections: a virtual
/// machine's serial port stays open when either end restarts.
///
/// The enclave writes 16 KiB of zeros, which end an unfinished record of its predecessor, then an opening with a random
/// epoch, and repeats the opening until the host's answer has the same epoch. All bytes before the answer are skipped.
/// After it, both sides send records that name the epoch.
package final class EpochStream: ByteStream {
    private let link: EpochLink
    private let epoch: [UInt8]
    private let resynchronises: Bool

    init(_ link: EpochLink, epoch: [UInt8], resynchronises: Bool) {
        self.link = link
        self.epoch = epoch
        self.resynchronises = resynchronises
    }

    /// The enclave's end.
    ///
    /// - Parameters:
    ///   - stream: Connected, or a device whose other end nobody may have opened yet.
    ///   - outlivesHost: Whether the end of the stream before the answer only means that the host does not run yet, as
    ///     with a serial port.
    ///   - time: How long to wait for the answer.
    /// - Throws: ``WireError``; `closed` without an answer in time.
    package static func open(
        over stream: any ByteStream, outlivesHost: Bool, within time: Duration = .seconds(600)
    ) throws(WireError) -> EpochStream {
        let opening = EpochMarker(.opening, epoch: randomEpoch())
        let link = EpochLink(stream)
        let deadline = ContinuousClock.now + time
        try link.flush()
        try link.begin(opening)
        while ContinuousClock.now < deadline {
            let marker = try link.nextMarker { (free) throws(WireError) in
                while ContinuousClock.now < deadline {
                    guard try stream.waitForInput(atMost: .seconds(1), orUntilReadable: nil) else {
                        try link.begin(opening)
                        continue
                    }
                    let count = try stream.read(into: free)
                    if count > 0 || !outlivesHost { return count }
                    usleep(200_000)
                    try link.begin(opening)
                }
                return 0
            }
            guard let marker else { break }
            if marker == EpochMarker(.answer, epoch: opening.epoch) {
                return EpochStream(link, epoch: opening.epoch, resynchronises: false)
            }
        }
        throw WireError(.closed, "no host answered: is `infenclave serve --enclave-at` there?")
    }

    package func read(into free: UnsafeMutableRawBufferPointer) throws(WireError) -> Int {
        try link.read(into: free, epoch: epoch, resynchronises: resynchronises)
    }

    package func write(_ bytes: UnsafeRawBufferPointer, more: Bool) throws(WireError) {
        try link.write(bytes, more: more, epoch: epoch)
    }

    package func waitForInput(
        atMost time: Duration, orUntilReadable other: Int32?
    ) throws(WireError) -> Bool {
        if link.hasBufferedBytes { return true }
        return try link.stream.waitForInput(atMost: time, orUntilReadable: other)
    }

    /// Whether this epoch ended because another began over the same stream.
    package var isSuperseded: Bool { link.isSuperseded(epoch) }

    package func close() { link.stream.close() }

    private static func randomEpoch() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<EpochMarker.epochByteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
