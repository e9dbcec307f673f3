// SPDX-License-Identifier: Apache-2.0
package import Wire

/// Limits on evidence: a rate for all clients, and for each address a share of it, so that one client cannot use up the
/// whole rate. Pending evidence is counted for each replica, so that a silent replica does not block requests to
/// another. The caller supplies the time.
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

    /// Reserves one document; ``give(for:of:at:)`` releases it.
    ///
    /// - Returns: Whether it was reserved.
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

    /// Whether only documents in progress exceed the limit: they take milliseconds, so waiting helps.
    package func isBusy(for address: ClientAddress, of replica: KeySlot) -> Bool {
        waiting[replica, default: 0] >= Self.all.atOnce
            || (limitsAddresses && (shares[address]?.waiting[replica] ?? 0) >= Self.each.atOnce)
    }

    /// Releases a reservation. A full share is forgotten, so that the number of remembered shares is bounded by the
    /// documents made in the time that a share takes to refill.
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
