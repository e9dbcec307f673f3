import HostCore
import Testing

@Suite("What keeps an enclave running without a person")
struct SupervisionTests {
    @Test(
        "The first end is followed at once, the next ones after 0.2 s, 0.4 s and so on to 30 s; a minute's life forgets them"
    )
    func backoff() {
        var backoff = RestartBackoff()
        let delays = (0..<11).map { _ in backoff.delay(afterLifetime: .seconds(1)) / .milliseconds(1) }
        #expect(delays == [0, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000])
        #expect(backoff.delay(afterLifetime: RestartBackoff.settled) == .zero)
        #expect(backoff.delay(afterLifetime: .zero) == .milliseconds(200))
    }

    @Test("Of a lease a warning comes once when a quarter, a tenth and a fiftieth are left, and anew for the next one")
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

    @Test("How a process ended is told from its status")
    func endings() {
        #expect(EnclaveEnding(waitStatus: 0) == .exited(status: 0))
        #expect(EnclaveEnding(waitStatus: 70 << 8) == .exited(status: 70))
        #expect(EnclaveEnding(waitStatus: 9) == .killed(signal: 9))
        // With a core dump.
        #expect(EnclaveEnding(waitStatus: 0x80 | 4) == .killed(signal: 4))
        #expect(EnclaveEnding(waitStatus: 9).description.contains("signal 9"))
        #expect(EnclaveEnding(waitStatus: 1 << 8).description == "exited with status 1")
    }
}
