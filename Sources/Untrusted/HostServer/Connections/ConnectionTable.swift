// SPDX-License-Identifier: Apache-2.0
/// Which connections are open, and which one is evicted when there are too many. It does no I/O, and the caller
/// supplies the time.
///
/// A connection can be evicted while it is idle or receives a request, and after its last answer; while a complete
/// request is being answered, only if its client does not read. The connection to evict is chosen by these criteria, in
/// this order: its address has the most connections; its last answer was sent; its client does not read answers; it has
/// been without a completed request for the longest time. For a connection without a completed request this time counts
/// from its opening. If such connections always came first, an attacker with one completed request on each connection
/// could have every new connection evicted before its first request is complete.
package struct ConnectionTable: Sendable {
    package typealias Identifier = UInt64

    package struct Limits: Sendable {
        /// The maximum number of connections from all addresses.
        package let total: Int
        /// The maximum number of connections from one address.
        package let perAddress: Int

        package init(total: Int, perAddress: Int) {
            self.total = max(1, total)
            self.perAddress = max(1, perAddress)
        }
    }

    private struct Entry {
        enum Phase { case waiting, answering, closing }

        let address: ClientAddress
        var phase = Phase.waiting
        /// An answer waits for the client to read it.
        var isStalled = false
        /// The time of the opening, or of the end of the last completed request.
        var lastCompleted: ContinuousClock.Instant
    }

    private let limits: Limits
    private var entries: [Identifier: Entry] = [:]
    private var counts: [ClientAddress: Int] = [:]
    private var next: Identifier = 1

    package init(_ limits: Limits) { self.limits = limits }

    package var count: Int { entries.count }

    /// Connections whose clients do not read their answers.
    package var stalledCount: Int { entries.values.count { $0.isStalled } }

    package func isOpen(_ identifier: Identifier) -> Bool { entries[identifier] != nil }

    /// A new connection and the one that was evicted for it.
    package struct Opening: Sendable, Equatable {
        package let identifier: Identifier
        /// The evicted connection, which is no longer in the table; the caller closes it.
        package let evicted: Identifier?
    }

    /// Enters a connection.
    ///
    /// - Returns: `nil` when a limit is reached and nothing can be evicted.
    package mutating func open(from address: ClientAddress, at now: ContinuousClock.Instant) -> Opening? {
        var evicted: Identifier?
        let isFullForAddress = counts[address, default: 0] >= limits.perAddress
        if isFullForAddress || entries.count >= limits.total {
            evicted = leastDeserving(of: isFullForAddress ? address : nil)
            guard let evicted else { return nil }
            close(evicted)
        }
        defer { next += 1 }
        entries[next] = Entry(address: address, lastCompleted: now)
        counts[address, default: 0] += 1
        return Opening(identifier: next, evicted: evicted)
    }

    /// A request of it is complete.
    ///
    /// - Returns: `false` when the connection was evicted.
    package mutating func beginAnswer(_ identifier: Identifier) -> Bool {
        guard entries[identifier] != nil else { return false }
        entries[identifier]?.phase = .answering
        return true
    }

    /// The answer was sent: it waits for another request.
    package mutating func completed(_ identifier: Identifier, at now: ContinuousClock.Instant) {
        entries[identifier]?.phase = .waiting
        entries[identifier]?.lastCompleted = now
    }

    /// Notes that the client stopped reading, or reads again.
    package mutating func setStalled(_ identifier: Identifier, _ isStalled: Bool) {
        entries[identifier]?.isStalled = isStalled
    }

    /// Notes that nothing more is read from it: it only waits for its client to close.
    package mutating func closing(_ identifier: Identifier) { entries[identifier]?.phase = .closing }

    /// It is closed.
    package mutating func close(_ identifier: Identifier) {
        guard let entry = entries.removeValue(forKey: identifier) else { return }
        let rest = counts[entry.address, default: 1] - 1
        counts[entry.address] = rest > 0 ? rest : nil
    }

    /// - Parameter address: `nil` for any.
    private func leastDeserving(of address: ClientAddress?) -> Identifier? {
        // The smallest is evicted.
        var least: (Int, Int, ContinuousClock.Instant, Identifier)?
        for (identifier, entry) in entries where entry.phase != .answering || entry.isStalled {
            guard address == nil || entry.address == address else { continue }
            let merit = (
                -counts[entry.address, default: 0], entry.phase == .closing ? 0 : entry.isStalled ? 1 : 2,
                entry.lastCompleted, identifier
            )
            if least.map({ merit < $0 }) ?? true { least = merit }
        }
        return least?.3
    }
}
