// SPDX-License-Identifier: Apache-2.0
/// The memory of bodies, over all connections together: those in reception, and complete ones until their answer is ready.
/// No input or output, and no clock of its own.
///
/// Bytes are charged as they arrive, not as they are announced: otherwise a few connections that announce much and send
/// little would exclude all others. When there is no room, bodies in reception for longer than ``grace`` are given up,
/// the oldest first, because slow senders hold memory for long. If there are none, the newest body is refused. Complete
/// bodies stay.
package struct BodyBudget: Sendable {
    package typealias Identifier = ConnectionTable.Identifier

    private struct Body {
        var bytes = 0
        let start: ContinuousClock.Instant
        var isComplete = false
    }

    /// Bytes at a time.
    package let capacity: Int
    /// How long a body may be in reception before it goes first.
    package let grace: Duration
    /// Bytes that are held.
    package private(set) var used = 0
    private var bodies: [Identifier: Body] = [:]

    package init(capacity: Int, grace: Duration) {
        self.capacity = capacity
        self.grace = grace
    }

    /// A body of this connection begins; it holds nothing yet.
    package mutating func begin(_ identifier: Identifier, at now: ContinuousClock.Instant) {
        release(identifier)
        bodies[identifier] = Body(start: now)
    }

    /// Charges bytes that have arrived.
    ///
    /// - Returns: Bodies that are given up for lack of room; they hold nothing any more, and the caller refuses them.
    ///   The one that asked may be among them.
    package mutating func take(
        _ bytes: Int, for identifier: Identifier, at now: ContinuousClock.Instant
    ) -> [Identifier] {
        guard bodies[identifier] != nil else { return [identifier] }
        var givenUp: [Identifier] = []
        while used + bytes > capacity {
            // The one that asks is in reception, so that there always is one.
            let victim = leastDeserving(at: now) ?? identifier
            release(victim)
            givenUp.append(victim)
            if victim == identifier { return givenUp }
        }
        bodies[identifier]?.bytes += bytes
        used += bytes
        return givenUp
    }

    /// The body is whole: it is held until ``release(_:)``.
    ///
    /// - Returns: `false` when it was given up.
    package mutating func complete(_ identifier: Identifier) -> Bool {
        guard bodies[identifier] != nil else { return false }
        bodies[identifier]?.isComplete = true
        return true
    }

    /// Gives its bytes back.
    package mutating func release(_ identifier: Identifier) {
        guard let body = bodies.removeValue(forKey: identifier) else { return }
        used -= body.bytes
    }

    private func leastDeserving(at now: ContinuousClock.Instant) -> Identifier? {
        let received = bodies.filter { !$0.value.isComplete }
        func isEarlier(_ one: (key: Identifier, value: Body), _ other: (key: Identifier, value: Body)) -> Bool {
            (one.value.start, one.key) < (other.value.start, other.key)
        }
        guard let oldest = received.min(by: isEarlier) else { return nil }
        return oldest.value.start + grace <= now ? oldest.key : received.max(by: isEarlier)?.key
    }
}
