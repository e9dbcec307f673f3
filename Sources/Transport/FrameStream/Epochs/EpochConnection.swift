// SPDX-License-Identifier: Apache-2.0
package import Wire

/// The host's end of a physical connection: one enclave after another may begin an epoch over it.
package final class EpochConnection: Sendable {
    private let link: EpochLink

    /// - Parameter stream: A connected stream. Zeros are written to it, which end an enclave's epoch with an earlier
    ///   host; an enclave that waits for an answer skips them.
    /// - Throws: ``WireError`` if the peer has closed the stream.
    package init(_ stream: any ByteStream) throws(WireError) {
        link = EpochLink(stream)
        try link.flush()
    }

    /// Waits until an enclave begins an epoch, and answers it.
    ///
    /// - Parameter time: The timeout; none by default.
    /// - Returns: The connection of that epoch, which ends when another begins; `nil` when the peer closed the stream.
    /// - Throws: ``WireError``; the stream cannot be used any more then.
    package func nextEpoch(within time: Duration? = nil) throws(WireError) -> EpochStream? {
        let deadline = time.map { ContinuousClock.now + $0 }
        while true {
            var epoch = link.takeNextEpoch()
            if epoch == nil {
                let marker = try link.nextMarker { [stream = link.stream] (free) throws(WireError) in
                    while true {
                        let left = deadline.map { $0 - ContinuousClock.now } ?? .seconds(3600)
                        guard left > .zero else {
                            throw WireError(.closed, "no enclave began within \(time ?? .zero)")
                        }
                        if try stream.waitForInput(atMost: left, orUntilReadable: nil) {
                            return try stream.read(into: free)
                        }
                    }
                }
                guard let marker else { return nil }
                if marker.kind == .opening { epoch = marker.epoch }
            }
            guard let epoch else { continue }
            try link.begin(EpochMarker(.answer, epoch: epoch))
            return EpochStream(link, epoch: epoch, resynchronises: true)
        }
    }

    package func close() { link.stream.close() }
}
