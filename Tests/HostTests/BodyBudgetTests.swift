// SPDX-License-Identifier: Apache-2.0
import HostServer
import Testing
import Wire

private func second(_ count: Double) -> ContinuousClock.Instant { start + .seconds(count) }
private let start = ContinuousClock.now

/// A budget that the macros of a test can change.
private final class Budget {
    private var budget: BodyBudget

    init(capacity: Int) { budget = BodyBudget(capacity: capacity, grace: .seconds(2)) }

    var used: Int { budget.used }
    func begin(_ identifier: UInt64, at time: Double) { budget.begin(identifier, at: second(time)) }
    func take(_ bytes: Int, for identifier: UInt64, at time: Double) -> [UInt64] {
        budget.take(bytes, for: identifier, at: second(time))
    }
    func complete(_ identifier: UInt64) -> Bool { budget.complete(identifier) }
    func release(_ identifier: UInt64) { budget.release(identifier) }
}

@Suite("Memory of request bodies")
struct BodyBudgetTests {
    @Test("Bytes are charged as they arrive, until the body is released")
    func charges() {
        let budget = Budget(capacity: 100)
        budget.begin(1, at: 0)
        #expect(budget.used == 0, "what is announced costs nothing")
        #expect(budget.take(60, for: 1, at: 0).isEmpty)
        #expect(budget.take(40, for: 1, at: 0).isEmpty)
        #expect(budget.used == 100)
        #expect(budget.complete(1))
        #expect(budget.used == 100, "a complete body is held while it is answered")
        budget.release(1)
        budget.release(1)
        #expect(budget.used == 0)
    }

    @Test("If the budget is full, the newest body is refused, whichever body asks for room")
    func newest() {
        let budget = Budget(capacity: 100)
        for identifier in UInt64(1)...3 {
            budget.begin(identifier, at: Double(identifier) / 10)
            #expect(budget.take(30, for: identifier, at: 0.5).isEmpty)
        }
        budget.begin(4, at: 0.6)
        #expect(budget.take(30, for: 4, at: 0.6) == [4])
        #expect(budget.take(1, for: 4, at: 0.6) == [4], "it was given up")
        #expect(!budget.complete(4))
        #expect(budget.take(30, for: 1, at: 0.7) == [3])
        #expect(budget.used == 90)
    }

    @Test("Bodies that have been incomplete for long are dropped before the newest, the oldest first")
    func stalled() {
        let budget = Budget(capacity: 100)
        budget.begin(1, at: 0)
        budget.begin(2, at: 1)
        #expect(budget.take(50, for: 1, at: 1).isEmpty)
        #expect(budget.take(50, for: 2, at: 1).isEmpty)
        budget.begin(3, at: 1.9)
        #expect(budget.take(10, for: 3, at: 1.9) == [3])
        budget.begin(4, at: 4)
        #expect(budget.take(80, for: 4, at: 4) == [1, 2])
        #expect(budget.used == 80)
    }

    @Test("Complete bodies are kept, and a new body is refused if only those could be dropped")
    func complete() {
        let budget = Budget(capacity: 100)
        budget.begin(1, at: 0)
        #expect(budget.take(100, for: 1, at: 0).isEmpty)
        #expect(budget.complete(1))
        budget.begin(2, at: 10)
        #expect(budget.take(1, for: 2, at: 100) == [2])
        #expect(budget.used == 100)
    }

    @Test("Bytes of an unknown body, or beyond the capacity, are refused")
    func strange() {
        let budget = Budget(capacity: 100)
        #expect(budget.take(1, for: 9, at: 0) == [9])
        #expect(!budget.complete(9))
        budget.begin(1, at: 0)
        #expect(budget.take(101, for: 1, at: 0) == [1])
        #expect(budget.used == 0)
        budget.begin(2, at: 0)
        #expect(budget.take(50, for: 2, at: 0).isEmpty)
        budget.begin(2, at: 1)
        #expect(budget.used == 0, "a second request of a connection begins with nothing")
    }
}

/// Shares that the macros of a test can change.
private final class Shares {
    private var shares: EvidenceShares

    init(limitsAddresses: Bool = true) { shares = EvidenceShares(limitsAddresses: limitsAddresses, at: second(0)) }

    var addressCount: Int { shares.addressCount }
    func take(_ address: ClientAddress, of replica: Int = 0, at time: Double) -> Bool {
        shares.take(for: address, of: KeySlot.all[replica], at: second(time))
    }
    func isBusy(_ address: ClientAddress, of replica: Int = 0) -> Bool {
        shares.isBusy(for: address, of: KeySlot.all[replica])
    }
    func give(_ address: ClientAddress, of replica: Int = 0, at time: Double) {
        shares.give(for: address, of: KeySlot.all[replica], at: second(time))
    }

    /// The number of granted requests among `count`; each place is returned at once.
    func granted(_ tries: Int, for address: ClientAddress, at time: Double) -> Int {
        (0..<tries).count { _ in
            guard take(address, at: time) else { return false }
            give(address, at: time)
            return true
        }
    }
}

@Suite("Shares of evidence requests")
struct EvidenceSharesTests {
    private let stranger = ClientAddress(ipv4: 1)
    private let client = ClientAddress(ipv4: 2)

    @Test("Clients of one address wait for each other; an address without remaining share is refused at once")
    func busy() {
        let shares = Shares()
        #expect(shares.take(stranger, at: 0) && shares.take(stranger, at: 0))
        #expect(!shares.take(stranger, at: 0) && shares.isBusy(stranger) && !shares.isBusy(client))
        shares.give(stranger, at: 0)
        #expect(!shares.isBusy(stranger) && shares.take(stranger, at: 0))
        shares.give(stranger, at: 0)
        shares.give(stranger, at: 0)
        _ = shares.granted(1000, for: stranger, at: 0)
        #expect(!shares.take(stranger, at: 0) && !shares.isBusy(stranger))
    }

    @Test("An address that asks continuously leaves three quarters of the rate to others")
    func perAddress() {
        let shares = Shares()
        #expect(shares.granted(1000, for: stranger, at: 0) == 10)
        #expect(shares.granted(1, for: client, at: 0) == 1)
        #expect(shares.granted(1000, for: stranger, at: 10) == 10)
        var (strangers, clients) = (0, 0)
        for tick in 1...1000 {
            strangers += shares.granted(3, for: stranger, at: 10 + Double(tick) / 100)
            if tick % 20 == 0 { clients += shares.granted(1, for: client, at: 10 + Double(tick) / 100) }
        }
        #expect((49...51).contains(strangers), "5 a second for 10 seconds")
        #expect(clients == 50, "none of another client's is refused")
    }

    @Test("All addresses together get the total rate, with at most two concurrent requests each")
    func total() {
        let shares = Shares()
        #expect((0..<100).count { shares.granted(1, for: ClientAddress(ipv4: $0), at: 0) == 1 } == 40)
        for _ in 0..<2 { #expect(shares.take(stranger, at: 9)) }
        #expect(!shares.take(stranger, at: 9))
        for address in 2..<5 as Range<UInt32> {
            for _ in 0..<2 { #expect(shares.take(ClientAddress(ipv4: address), at: 9)) }
        }
        #expect(!shares.take(ClientAddress(ipv4: 9), at: 9), "eight at a time in all")
        shares.give(stranger, at: 9)
        #expect(shares.take(ClientAddress(ipv4: 9), at: 9))
    }

    @Test("Unanswered evidence requests at one replica take no place at another; the rate limit covers both together")
    func replicas() {
        let shares = Shares()
        for address in 1..<5 as Range<UInt32> {
            for _ in 0..<2 { #expect(shares.take(ClientAddress(ipv4: address), of: 1, at: 0)) }
        }
        #expect(!shares.take(ClientAddress(ipv4: 9), of: 1, at: 0) && shares.isBusy(ClientAddress(ipv4: 9), of: 1))
        #expect(!shares.isBusy(stranger, of: 2))
        for _ in 0..<2 { #expect(shares.take(stranger, of: 2, at: 0)) }
        #expect(!shares.take(stranger, of: 2, at: 0))
        shares.give(stranger, of: 2, at: 0)
        shares.give(stranger, of: 2, at: 0)
        #expect(shares.granted(100, for: stranger, at: 0) == 6, "4 of its 10 are spent")
        for address in 1..<5 as Range<UInt32> {
            for _ in 0..<2 { shares.give(ClientAddress(ipv4: address), of: 1, at: 0) }
        }
        #expect(shares.take(ClientAddress(ipv4: 9), of: 1, at: 0))
    }

    @Test("Idle addresses are forgotten, and if clients share one address it may use the whole rate")
    func memory() {
        let shares = Shares()
        for number in 0..<100_000 as Range<UInt32> {
            _ = shares.granted(1, for: ClientAddress(ipv4: number), at: Double(number) / 1000)
        }
        #expect(shares.addressCount <= 60)
        let proxied = Shares(limitsAddresses: false)
        #expect(proxied.granted(1000, for: client, at: 0) == 40)
    }
}

@Suite("Token buckets")
struct TokenBucketTests {
    @Test("A burst is granted at once, and then the refill rate, never more than the burst")
    func bucket() {
        var bucket = TokenBucket(perSecond: 20, burst: 40, at: second(0))
        func granted(_ tries: Int, at now: Double) -> Int { (0..<tries).count { _ in bucket.take(at: second(now)) } }
        #expect(granted(100, at: 0) == 40)
        #expect(granted(100, at: 0.04) == 0)
        #expect(granted(100, at: 0.5) == 10)
        #expect(granted(100, at: 1000) == 40)
        #expect(granted(100, at: 999) == 0, "a time before the last brings nothing")
    }
}
