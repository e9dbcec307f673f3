// SPDX-License-Identifier: Apache-2.0
/// Accounts for the memory of bodies of all connections: those in reception, and complete ones until their answer is
/// ready. It does no I/O, and the caller supplies the time.
///
/// Bytes are charged as they arrive, not as they are announced: otherwise a few connections that announce much and send
/// little would exclude all others. When memory is short, bodies in reception for longer than ``grace`` are dropped,
/// the oldest first, because slow senders hold memory for long. If there are none, the newest body is refused. Complete
/// bodies are kept.
package struct BodyBudget: Sendable {
    package typealias Identifier = ConnectionTable.Identifier

    private struct Body {
        var bytes = 0
        let start: ContinuousClock.Instant
        var isComplete = false
    }

    /// The maximum number of bytes held.
    package let capacity: Int
    /// How long a body may be in reception before it can be dropped.
    package let grace: Duration
    /// The number of bytes held.
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
    /// - Returns: Bodies that were dropped for lack of room. They hold no bytes any more, and the caller refuses them.
    ///   The charged body may be among them.
    package mutating func take(
        _ bytes: Int, for identifier: Identifier, at now: ContinuousClock.Instant
    ) -> [Identifier] {
        guard bodies[identifier] != nil else { return [identifier] }
        var givenUp: [Identifier] = []
        while used + bytes > capacity {
            // The charged body is in reception, so that there is at least one.
            let victim = leastDeserving(at: now) ?? identifier
            release(victim)
            givenUp.append(victim)
            if victim == identifier { return givenUp }
        }
        bodies[identifier]?.bytes += bytes
        used += bytes
        return givenUp
    }

    /// Marks the body as complete: it is held until ``release(_:)``.
    ///
    /// - Returns: `false` if it was dropped.
    package mutating func complete(_ identifier: Identifier) -> Bool {
        guard bodies[identifier] != nil else { return false }
        bodies[identifier]?.isComplete = true
        return true
    }

    /// Releases its bytes.
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
