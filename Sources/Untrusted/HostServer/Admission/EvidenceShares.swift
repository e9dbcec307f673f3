// SPDX-License-Identifier: Apache-2.0
package import Wire

/// Limits on evidence: a rate for all clients, and for each address a share of it, so that one stranger cannot use up
/// the rate of all. Pending evidence is counted for each replica, so that one that does not answer does not block
/// requests to another. No clock of its own.
package struct EvidenceShares: Sendable {
    /// A quote takes the enclave milliseconds to tens of milliseconds: twenty a second leave most of its time to
    /// requests. A quarter of that is more than a client needs, which asks once an hour.
    private static let (all, each) = ((perSecond: 20.0, burst: 40, atOnce: 8), (perSecond: 5.0, burst: 10, atOnce: 2))

    private struct Share: Sendable {
        var bucket: TokenBucket
        /// By replica.
        var waiting: [KeySlot: Int] = [:]
    }

    private var bucket: TokenBucket
    /// By replica.
    private var waiting: [KeySlot: Int] = [:]
    private var shares: [ClientAddress: Share] = [:]
    private let limitsAddresses: Bool

    /// - Parameter limitsAddresses: `false` behind a proxy, where all clients have one address.
    package init(limitsAddresses: Bool, at now: ContinuousClock.Instant) {
        self.limitsAddresses = limitsAddresses
        bucket = TokenBucket(perSecond: Self.all.perSecond, burst: Self.all.burst, at: now)
    }

    /// Takes room for one document; ``give(for:of:at:)`` gives it back.
    ///
    /// - Returns: Whether there was room. A refusal uses no room.
    package mutating func take(
        for address: ClientAddress, of replica: KeySlot, at now: ContinuousClock.Instant
    ) -> Bool {
        var share =
            shares[address]
            ?? Share(bucket: TokenBucket(perSecond: Self.each.perSecond, burst: Self.each.burst, at: now))
        guard waiting[replica, default: 0] < Self.all.atOnce else { return false }
        if limitsAddresses {
            guard share.waiting[replica, default: 0] < Self.each.atOnce, share.bucket.take(at: now) else {
                return false
            }
        }
        guard bucket.take(at: now) else { return false }
        waiting[replica, default: 0] += 1
        share.waiting[replica, default: 0] += 1
        shares[address] = share
        return true
    }

    /// Whether only documents that are being made stand in the way: they are done in milliseconds, so that waiting helps.
    package func isBusy(for address: ClientAddress, of replica: KeySlot) -> Bool {
        waiting[replica, default: 0] >= Self.all.atOnce
            || (limitsAddresses && (shares[address]?.waiting[replica] ?? 0) >= Self.each.atOnce)
    }

    /// Gives back what was taken. A share that is whole again is forgotten, so that those kept are bounded by what is made
    /// in the time in which one fills up.
    package mutating func give(for address: ClientAddress, of replica: KeySlot, at now: ContinuousClock.Instant) {
        waiting.giveOne(of: replica)
        shares[address]?.waiting.giveOne(of: replica)
        shares = shares.filter { !$0.value.waiting.isEmpty || !$0.value.bucket.isFull(at: now) }
    }

    /// Addresses that are remembered.
    package var addressCount: Int { shares.count }
}

extension [KeySlot: Int] {
    fileprivate mutating func giveOne(of replica: KeySlot) {
        let left = self[replica, default: 0] - 1
        self[replica] = left > 0 ? left : nil
    }
}
