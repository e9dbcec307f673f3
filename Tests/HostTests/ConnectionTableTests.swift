// SPDX-License-Identifier: Apache-2.0
import HostServer
import Testing

/// A second of a test's own time.
private func second(_ count: Double) -> ContinuousClock.Instant { start + .seconds(count) }
private let start = ContinuousClock.now

/// A table that the macros of a test can change.
private final class Table {
    private var table: ConnectionTable

    init(total: Int, perAddress: Int) { table = ConnectionTable(.init(total: total, perAddress: perAddress)) }

    var count: Int { table.count }
    func isOpen(_ identifier: UInt64) -> Bool { table.isOpen(identifier) }
    func open(from address: ClientAddress, at time: Double) -> ConnectionTable.Opening? {
        table.open(from: address, at: second(time))
    }
    func beginAnswer(_ identifier: UInt64) -> Bool { table.beginAnswer(identifier) }
    func completed(_ identifier: UInt64, at time: Double) { table.completed(identifier, at: second(time)) }
    func closing(_ identifier: UInt64) { table.closing(identifier) }
    func setStalled(_ identifier: UInt64, _ isStalled: Bool) { table.setStalled(identifier, isStalled) }
}

@Suite("The connection table")
struct ConnectionTableTests {
    private let one = ClientAddress(ipv4: 1)
    private let other = ClientAddress(ipv4: 2)

    @Test(
        "The evicted connection belongs to the address with the most and has completed no request for the longest time"
    )
    func order() throws {
        let table = Table(total: 4, perAddress: 4)
        let lonely = try #require(table.open(from: other, at: 0)).identifier
        let served = try #require(table.open(from: one, at: 1)).identifier
        let idle = try #require(table.open(from: one, at: 2)).identifier
        let newest = try #require(table.open(from: one, at: 3)).identifier
        #expect(table.beginAnswer(served))
        table.completed(served, at: 4)
        // The only connection of its address is the oldest, and is kept while another address has more.
        #expect(table.open(from: ClientAddress(ipv4: 3), at: 5)?.evicted == idle)
        #expect(table.open(from: ClientAddress(ipv4: 4), at: 6)?.evicted == newest)
        #expect(table.isOpen(served) && table.count == 4)
        #expect(table.open(from: ClientAddress(ipv4: 5), at: 7)?.evicted == lonely)
    }

    @Test("A connection with a complete request is kept until it is answered, and a new one finds no room")
    func answering() throws {
        let table = Table(total: 2, perAddress: 2)
        let first = try #require(table.open(from: one, at: 0)).identifier
        let another = try #require(table.open(from: one, at: 0)).identifier
        #expect(table.beginAnswer(first) && table.beginAnswer(another))
        #expect(table.open(from: one, at: 100) == nil)
        #expect(table.open(from: other, at: 100) == nil)
        table.completed(another, at: 101)
        #expect(table.open(from: other, at: 102)?.evicted == another)
        #expect(!table.beginAnswer(another), "what was evicted is not answered")
    }

    @Test("A connection whose client does not read is evicted for a new one, and is kept if it reads again")
    func stalled() throws {
        let table = Table(total: 2, perAddress: 2)
        let first = try #require(table.open(from: one, at: 0)).identifier
        let another = try #require(table.open(from: one, at: 0)).identifier
        #expect(table.beginAnswer(first) && table.beginAnswer(another))
        table.setStalled(first, true)
        table.setStalled(another, true)
        table.setStalled(another, false)
        #expect(table.open(from: one, at: 1)?.evicted == first)
        let third = try #require(table.open(from: one, at: 2))
        #expect(third.evicted != another && table.isOpen(another))
    }

    @Test("A connection that only waits for its client to close is evicted first")
    func closing() throws {
        let table = Table(total: 2, perAddress: 2)
        _ = try #require(table.open(from: one, at: 0))
        let refused = try #require(table.open(from: one, at: 9)).identifier
        table.closing(refused)
        #expect(table.open(from: one, at: 10)?.evicted == refused)
    }

    @Test("An address at its limit loses one of its own connections, and evicts nobody else's")
    func perAddress() throws {
        let table = Table(total: 10, perAddress: 2)
        let theirs = try #require(table.open(from: other, at: 0)).identifier
        let first = try #require(table.open(from: one, at: 1)).identifier
        _ = try #require(table.open(from: one, at: 2))
        #expect(table.open(from: one, at: 3)?.evicted == first)
        #expect(table.isOpen(theirs) && table.count == 3)
    }

    @Test("A thousand idle connections of one address do not exclude a new client, which outlives the older ones")
    func oneAddress() throws {
        let table = Table(total: 1024, perAddress: 1024)
        for number in 0..<1024 { _ = table.open(from: one, at: Double(number) / 1000) }
        let newcomer = try #require(table.open(from: one, at: 2))
        #expect(newcomer.evicted != nil)
        for number in 0..<1000 { _ = table.open(from: one, at: 3 + Double(number) / 1000) }
        #expect(table.isOpen(newcomer.identifier))
        #expect(table.beginAnswer(newcomer.identifier))
        for number in 0..<2000 { _ = table.open(from: one, at: 5 + Double(number) / 1000) }
        #expect(table.isOpen(newcomer.identifier))
        #expect(table.count == 1024)
    }

    @Test(
        "In every sequence of six events the limits hold, and the first connection in eviction order is closed")
    func everySequence() {
        var search = Search(addresses: [one, other], limits: (total: 3, perAddress: 2))
        search.explore(.init(.init(total: 3, perAddress: 2)), [], depth: 6)
        #expect(search.violations.isEmpty, "\(search.violations.prefix(3))")
        #expect(search.states > 10_000)
    }

    /// Applies all events in all orders, and compares the table with a simple list.
    private struct Search {
        struct Known {
            let identifier: ConnectionTable.Identifier
            let address: ClientAddress
            var phase = 0
            var isStalled = false
            var time: Int
        }

        let addresses: [ClientAddress]
        let limits: (total: Int, perAddress: Int)
        var violations: [String] = []
        var states = 0

        init(addresses: [ClientAddress], limits: (total: Int, perAddress: Int)) {
            (self.addresses, self.limits) = (addresses, limits)
        }

        mutating func explore(_ table: ConnectionTable, _ known: [Known], depth: Int) {
            states += 1
            if table.count != known.count { violations.append("\(known): \(table.count) connections") }
            guard depth > 0 else { return }
            let time = 100 - depth
            for address in addresses {
                var (table, known) = (table, known)
                open(&table, &known, address, time)
                explore(table, known, depth: depth - 1)
            }
            for index in known.indices {
                // It changes only the order of the others.
                let canStall = known[index].phase == 1 || known[index].isStalled
                for event in 0..<(canStall ? 5 : 4) {
                    var (table, known) = (table, known)
                    let identifier = known[index].identifier
                    switch event {
                    case 0:
                        if !table.beginAnswer(identifier) { violations.append("\(identifier) is not open") }
                        known[index].phase = 1
                    case 1:
                        table.completed(identifier, at: second(Double(time)))
                        (known[index].phase, known[index].time) = (0, time)
                    case 2:
                        table.closing(identifier)
                        known[index].phase = 2
                    case 3:
                        table.close(identifier)
                        known.remove(at: index)
                    default:
                        known[index].isStalled.toggle()
                        table.setStalled(identifier, known[index].isStalled)
                    }
                    explore(table, known, depth: depth - 1)
                }
            }
        }

        private mutating func open(
            _ table: inout ConnectionTable, _ known: inout [Known], _ address: ClientAddress, _ time: Int
        ) {
            func count(_ address: ClientAddress) -> Int { known.count { $0.address == address } }
            let isFull = count(address) >= limits.perAddress
            let before = known
            var expected: ConnectionTable.Identifier?
            var hasRoom = true
            if isFull || known.count >= limits.total {
                let candidates = known.filter {
                    ($0.phase != 1 || $0.isStalled) && (!isFull || $0.address == address)
                }
                let most = candidates.map { count($0.address) }.max()
                let busiest = candidates.filter { count($0.address) == most }
                let closing = busiest.filter { $0.phase == 2 }
                let stalled = busiest.filter { $0.isStalled }
                expected =
                    [closing, stalled, busiest].first { !$0.isEmpty }?.min {
                        ($0.time, $0.identifier) < ($1.time, $1.identifier)
                    }?.identifier
                hasRoom = expected != nil
            }
            let opening = table.open(from: address, at: second(Double(time)))
            if (opening != nil) != hasRoom || opening?.evicted != expected {
                violations.append("\(before): \(String(describing: opening)), expected \(String(describing: expected))")
            }
            guard let opening else { return }
            known.removeAll { $0.identifier == opening.evicted }
            known.append(Known(identifier: opening.identifier, address: address, time: time))
        }
    }
}

@Suite("Addresses for counting connections")
struct ClientAddressTests {
    @Test("IPv6 addresses count by their first 64 bits, and IPv4-mapped ones as IPv4")
    func prefixes() {
        func ipv6(_ prefix: [UInt8], _ last: UInt8) -> ClientAddress {
            ClientAddress(ipv6: prefix + [UInt8](repeating: 0, count: 15 - prefix.count) + [last])
        }
        let customer: [UInt8] = [0x20, 1, 0xD, 0xB8, 0, 0, 0, 1]
        #expect(ipv6(customer, 1) == ipv6(customer, 2))
        #expect(ipv6(customer, 1) != ipv6(customer.dropLast() + [2], 1))
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 127, 0, 0, 1]
        #expect(ClientAddress(ipv6: mapped) == ClientAddress(ipv4: 0x7F00_0001))
        #expect(ClientAddress(ipv4: 1) != ClientAddress(ipv4: 2))
        #expect(ClientAddress(ipv6: []) == .unknown)
    }
}
