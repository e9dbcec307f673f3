// SPDX-License-Identifier: Apache-2.0
/// The deadlines of a connection. It does no I/O, and the caller supplies the time.
package struct RequestClock: Sendable {
    package struct Limits: Sendable {
        /// The time without a byte, before a request or between two.
        package var idle: Duration = .seconds(60)
        /// The time from the first byte of a request to the end of its headers.
        package var head: Duration = .seconds(10)
        /// The time for the body from the end of the headers. Together with ``bodyBytesPerSecond`` this admits every
        /// link that carries half a megabit a second: a picture of 224 x 224 pixels has 147 KiB and takes 2.4 s there.
        package var body: Duration = .seconds(15)
        /// The body gets one second more for each of this many bytes that have *arrived*. A large body on a slow link
        /// has enough time (16 MiB: 271 s); a sender that sends single bytes has not.
        package var bodyBytesPerSecond = 64 << 10
        /// The time from when too much waits to be sent until the client has read enough of it.
        package var unread: Duration = .seconds(15)
        /// The client gets one second more for each of this many bytes that were *sent* since then.
        package var readBytesPerSecond = 64 << 10
        /// The time from the last answer to the end of the connection, in which the client can read it.
        package var closing: Duration = .seconds(2)

        package init() {}
    }

    package enum Expiry: Sendable, Equatable {
        /// No request has begun: the connection is closed.
        case idle
        /// A request has begun and is not complete: 408.
        case request
        /// The client does not read its answers: the connection is closed.
        case unread
        /// The last answer was sent: the connection is closed.
        case closing
    }

    /// Whether data waits for the client to read, in any phase.
    private struct Stall {
        let start: ContinuousClock.Instant
        /// The number of bytes that the connection had sent then.
        let before: Int
        /// The number of bytes that it has sent now.
        var sent: Int
    }

    private enum Phase {
        case idle(ContinuousClock.Instant)
        case head(ContinuousClock.Instant)
        case body(ContinuousClock.Instant, received: Int)
        /// Whether bytes of the next request have arrived already.
        case answering(hasMore: Bool)
        case closing(ContinuousClock.Instant)
    }

    private let limits: Limits
    private var phase: Phase
    private var stall: Stall?

    package init(_ limits: Limits, at now: ContinuousClock.Instant) {
        self.limits = limits
        phase = .idle(now)
    }

    /// Bytes have arrived.
    package mutating func bytesArrived(at now: ContinuousClock.Instant) {
        switch phase {
        case .idle: phase = .head(now)
        case .answering: phase = .answering(hasMore: true)
        case .head, .body, .closing: break
        }
    }

    /// The headers are complete.
    package mutating func headArrived(at now: ContinuousClock.Instant) { phase = .body(now, received: 0) }

    /// Bytes of the body have come.
    package mutating func bodyArrived(_ bytes: Int) {
        if case .body(let start, let received) = phase { phase = .body(start, received: received + bytes) }
    }

    /// Too much waits to be sent.
    ///
    /// - Parameter sent: Bytes that the connection has sent so far.
    package mutating func stalled(sent: Int, at now: ContinuousClock.Instant) {
        if stall == nil { stall = Stall(start: now, before: sent, sent: sent) }
    }

    /// - Parameter total: Bytes that the connection has sent so far.
    package mutating func sent(_ total: Int) { stall?.sent = total }

    /// The client has read enough.
    package mutating func resumed() { stall = nil }

    /// The request is complete: its answer has no deadline here, unless the client does not read it.
    package mutating func requestArrived() { phase = .answering(hasMore: false) }

    /// The answer was sent.
    package mutating func answered(at now: ContinuousClock.Instant) {
        if case .answering(hasMore: true) = phase { phase = .head(now) } else { phase = .idle(now) }
    }

    /// The last answer was sent.
    package mutating func closing(at now: ContinuousClock.Instant) {
        if case .closing = phase { return }
        phase = .closing(now)
    }

    /// No data of a request has arrived since the last one.
    package var isIdle: Bool { if case .idle = phase { true } else { false } }

    /// The present deadline; `nil` while a request is answered and the client reads.
    package var deadline: ContinuousClock.Instant? { [phaseDeadline, readingDeadline].compactMap(\.self).min() }

    private var readingDeadline: ContinuousClock.Instant? {
        guard let stall else { return nil }
        let bytes = max(0, stall.sent - stall.before)
        return stall.start + limits.unread + .seconds(Double(bytes) / Double(limits.readBytesPerSecond))
    }

    private var phaseDeadline: ContinuousClock.Instant? {
        switch phase {
        case .idle(let start): start + limits.idle
        case .head(let start): start + limits.head
        case .body(let start, let received):
            start + limits.body + .seconds(Double(received) / Double(limits.bodyBytesPerSecond))
        case .answering: nil
        case .closing(let start): start + limits.closing
        }
    }

    /// The deadline that has passed.
    package func expiry(at now: ContinuousClock.Instant) -> Expiry? {
        guard let phaseDeadline, phaseDeadline <= now else {
            return readingDeadline.map { $0 <= now } == true ? .unread : nil
        }
        switch phase {
        case .idle: return .idle
        case .head, .body: return .request
        case .answering: return nil
        case .closing: return .closing
        }
    }
}
