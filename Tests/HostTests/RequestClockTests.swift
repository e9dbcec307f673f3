// SPDX-License-Identifier: Apache-2.0
import HostServer
import Testing

private func second(_ count: Double) -> ContinuousClock.Instant { start + .seconds(count) }
private let start = ContinuousClock.now

@Suite("Deadlines of requests")
struct RequestClockTests {
    private func clock() -> RequestClock { RequestClock(RequestClock.Limits(), at: second(0)) }

    @Test("A silent connection may idle for a minute; from its first byte the headers have ten seconds")
    func head() {
        var clock = clock()
        #expect(clock.deadline == second(60))
        #expect(clock.expiry(at: second(59.9)) == nil && clock.expiry(at: second(60)) == .idle)
        clock.bytesArrived(at: second(50))
        for drip in 51..<60 { clock.bytesArrived(at: second(Double(drip))) }
        #expect(clock.deadline == second(60), "further bytes give no more time")
        #expect(clock.expiry(at: second(60)) == .request)
    }

    @Test("A slow body has fifteen seconds, whatever its headers announced")
    func drip() {
        var clock = clock()
        clock.bytesArrived(at: second(1))
        clock.headArrived(at: second(2))
        for drip in 3..<17 {
            clock.bytesArrived(at: second(Double(drip)))
            clock.bodyArrived(1)
        }
        #expect(clock.expiry(at: second(16.9)) == nil)
        #expect(clock.expiry(at: second(17.1)) == .request)
    }

    @Test("A large body has one more second for every 64 KiB received")
    func largeBody() {
        var clock = clock()
        clock.bytesArrived(at: second(0))
        clock.headArrived(at: second(0))
        for _ in 0..<256 { clock.bodyArrived(64 << 10) }
        #expect(clock.deadline == second(15 + 256))
    }

    @Test("There is no deadline while a request is computed; afterwards the connection idles or reads the next request")
    func answers() {
        var clock = clock()
        clock.bytesArrived(at: second(0))
        clock.headArrived(at: second(0))
        clock.requestArrived()
        #expect(clock.deadline == nil && clock.expiry(at: second(1e6)) == nil)
        clock.answered(at: second(100))
        #expect(clock.deadline == second(160))
        clock.bytesArrived(at: second(110))
        clock.headArrived(at: second(110))
        clock.requestArrived()
        clock.bytesArrived(at: second(120))
        clock.answered(at: second(130))
        #expect(clock.deadline == second(140) && clock.expiry(at: second(140)) == .request)
    }

    @Test("A client that does not read has fifteen seconds, plus one for every 64 KiB that it has read")
    func unread() {
        var clock = clock()
        clock.bytesArrived(at: second(0))
        clock.headArrived(at: second(0))
        clock.requestArrived()
        clock.stalled(sent: 1000, at: second(10))
        clock.stalled(sent: 2000, at: second(20))
        #expect(clock.deadline == second(25) && clock.expiry(at: second(24.9)) == nil)
        #expect(clock.expiry(at: second(25)) == .unread)
        clock.sent(1000 + 2 << 16)
        #expect(clock.deadline == second(27) && clock.expiry(at: second(26.9)) == nil)
        clock.resumed()
        #expect(clock.deadline == nil)
        // Between two requests, what comes first ends the connection.
        clock.answered(at: second(30))
        clock.stalled(sent: 0, at: second(31))
        #expect(clock.expiry(at: second(46)) == .unread)
        clock.closing(at: second(32))
        #expect(clock.expiry(at: second(34)) == .closing)
    }

    @Test("After the last answer the client has two seconds to read it, and nothing extends them")
    func closing() {
        var clock = clock()
        clock.closing(at: second(5))
        clock.bytesArrived(at: second(6))
        clock.closing(at: second(6))
        #expect(clock.deadline == second(7) && clock.expiry(at: second(7)) == .closing)
    }
}
