// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import Testing

@Suite("Progress")
struct ProgressTests {
    @Test("Off a terminal there is a line every ten seconds, however many reports come")
    func pace() {
        let start = ContinuousClock.now
        var pace = ProgressPace(start: start)
        // Ten reports a second, for a minute.
        let printed = (0...600).filter { pace.isDue(at: start + .milliseconds(100 * $0)) }
        #expect(printed == [100, 200, 300, 400, 500, 600])
        // After a stage without reports there is one line, and not those that were missed.
        let later = [95_000, 100_000, 104_999, 105_000].filter { pace.isDue(at: start + .milliseconds($0)) }
        #expect(later == [95_000, 105_000])
    }
}
