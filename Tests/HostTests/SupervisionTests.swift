// SPDX-License-Identifier: Apache-2.0
import HostCore
import Testing

@Suite("Supervision of enclaves")
struct SupervisionTests {
    @Test("Restarts follow at once, then after 0.2 s, 0.4 s and so on to 30 s; a minute of operation resets the delay")
    func backoff() {
        var backoff = RestartBackoff()
        let delays = (0..<11).map { _ in backoff.delay(afterLifetime: .seconds(1)) / .milliseconds(1) }
        #expect(delays == [0, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000])
        #expect(backoff.delay(afterLifetime: RestartBackoff.settled) == .zero)
        #expect(backoff.delay(afterLifetime: .zero) == .milliseconds(200))
    }

    @Test("Warnings are given once at a quarter, a tenth and a fiftieth of a lease, and again for the next lease")
    func lease() {
        var watch = LeaseWatch()
        let start = ContinuousClock.now
        #expect(watch.left(at: start) == nil && watch.warning(at: start) == nil)
        for offset in [0, 10_000] {
            let start = start + .seconds(offset)
            watch.runs(left: .seconds(1000), of: .seconds(1000), at: start)
            #expect(watch.left(at: start) == .seconds(1000))
            let warned = (0...1010).filter { second in
                // Evidence tells the same lease again, to a second.
                watch.runs(left: .seconds(max(0, 1000 - second)), of: .seconds(1000), at: start + .seconds(second))
                return watch.warning(at: start + .seconds(second)) != nil
            }
            #expect(warned == [750, 900, 980])
        }
        #expect(watch.left(at: start + .seconds(20_000)) == .zero)
        watch.ended()
        #expect(watch.left(at: start) == nil)
    }

    @Test("The exit status tells how a process ended")
    func endings() {
        #expect(EnclaveEnding(waitStatus: 0) == .exited(status: 0))
        #expect(EnclaveEnding(waitStatus: 70 << 8) == .exited(status: 70))
        #expect(EnclaveEnding(waitStatus: 9) == .killed(signal: 9))
        // With a core dump.
        #expect(EnclaveEnding(waitStatus: 0x80 | 4) == .killed(signal: 4))
        #expect(EnclaveEnding(waitStatus: 9).description.contains("signal 9"))
        #expect(EnclaveEnding(waitStatus: 1 << 8).description == "exited with status 1")
    }

    @Test(
        "With one worker the first request's timeout runs from its start, and the next one's from the previous answer"
    )
    func oneWorker() {
        var owed = OwedAnswers(workers: 1)
        let start = ContinuousClock.now
        owed.ask(1, isComputed: false, patience: .seconds(120), at: start)
        owed.ask(2, isComputed: true, patience: .seconds(10), at: start + .seconds(1))
        #expect(owed.overdue(at: start + .seconds(119)) == nil)
        #expect(owed.overdue(at: start + .seconds(121)) == .seconds(121))
        owed.settle(1, at: start + .seconds(122))
        #expect(owed.overdue(at: start + .seconds(131)) == nil)
        #expect(owed.overdue(at: start + .seconds(133)) == .seconds(11))
        owed.settle(2, at: start + .seconds(134))
        #expect(owed.overdue(at: start + .seconds(1000)) == nil)
    }

    @Test("A stuck worker is detected even while other workers and the receiving thread answer")
    func stuckWorker() {
        var owed = OwedAnswers(workers: 2)
        let start = ContinuousClock.now
        owed.ask(0, isComputed: true, patience: .seconds(10), at: start)
        for second in 0..<10 as Range<UInt64> {
            let now = start + .seconds(Int64(second))
            owed.ask(100 + second, isComputed: true, patience: .seconds(10), at: now)
            owed.ask(200 + second, isComputed: false, patience: .seconds(5), at: now)
            owed.settle(200 + second, at: now)
            owed.settle(100 + second, at: now + .milliseconds(900))
            #expect(owed.overdue(at: now) == nil)
        }
        #expect(owed.overdue(at: start + .seconds(11)) == .seconds(11))
        // At the next check only an answer counts.
        #expect(owed.overdue(at: start + .seconds(12), patience: .milliseconds(500)) == .seconds(12))
        owed.settle(0, at: start + .seconds(13))
        #expect(owed.overdue(at: start + .seconds(13), patience: .milliseconds(500)) == nil)
    }

    @Test(
        "A request waiting for a worker is not overdue: its time begins when one is free, in order of arrival")
    func waitingForWorker() {
        var owed = OwedAnswers(workers: 2)
        let start = ContinuousClock.now
        for identifier in 0..<4 as Range<UInt64> {
            owed.ask(identifier, isComputed: true, patience: .seconds(10), at: start)
        }
        owed.settle(1, at: start + .seconds(8))
        owed.settle(0, at: start + .seconds(9))
        #expect(owed.overdue(at: start + .seconds(17)) == nil)
        #expect(owed.overdue(at: start + .seconds(18.5)) == .seconds(10.5))
        owed.settle(2, at: start + .seconds(18.5))
        #expect(owed.overdue(at: start + .seconds(18.6)) == nil)
        #expect(owed.overdue(at: start + .seconds(19.5)) == .seconds(10.5))
        // An unexpected answer changes nothing.
        owed.settle(77, at: start + .seconds(19.5))
        #expect(owed.overdue(at: start + .seconds(19.5)) == .seconds(10.5))
    }

    @Test("Time in which the host was suspended does not count as enclave silence")
    func hostSlept() {
        for workers in 1...2 {
            var owed = OwedAnswers(workers: workers)
            let start = ContinuousClock.now
            owed.ask(1, isComputed: true, patience: .seconds(10), at: start)
            owed.ask(2, isComputed: false, patience: .seconds(5), at: start + .seconds(599))
            owed.pause(.seconds(600), at: start + .seconds(601))
            #expect(owed.overdue(at: start + .seconds(601)) == nil)
            #expect(owed.overdue(at: start + .seconds(609)) == (workers == 1 ? nil : .seconds(8)))
            owed.settle(2, at: start + .seconds(609))
            #expect(owed.overdue(at: start + .seconds(621)) != nil)
        }
    }

    @Test("While the message thread opens a model for a minute, computed requests are not overdue")
    func busyThread() {
        var owed = OwedAnswers(workers: 2)
        let start = ContinuousClock.now
        owed.ask(1, isComputed: true, patience: .seconds(10), at: start)
        owed.ask(2, isComputed: false, patience: .seconds(120), at: start + .seconds(2))
        owed.ask(3, isComputed: true, patience: .seconds(10), at: start + .seconds(30))
        owed.ask(4, isComputed: false, patience: .seconds(5), at: start + .seconds(30))
        #expect(owed.overdue(at: start + .seconds(60)) == nil)
        owed.settle(2, at: start + .seconds(62))
        owed.settle(4, at: start + .seconds(62))
        #expect(owed.overdue(at: start + .seconds(69)) == nil)
        // Two seconds before, and nine after.
        #expect(owed.overdue(at: start + .seconds(71)) == .seconds(11))
        owed.settle(1, at: start + .seconds(71))
        #expect(owed.overdue(at: start + .seconds(73)) == .seconds(11))
    }
}
