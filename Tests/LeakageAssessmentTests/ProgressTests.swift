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
        let printed = (0...600).compactMap { count in
            let now = start + .milliseconds(100 * count)
            pace.report("\(count)", at: now)
            return pace.due(at: now)
        }
        #expect(printed == ["100", "200", "300", "400", "500", "600"])
    }

    @Test("A stage that does not report still gives a line every ten seconds, which says for how long")
    func silence() {
        let start = ContinuousClock.now
        var pace = ProgressPace(start: start)
        #expect(pace.due(at: start + .seconds(11)) == nil)
        pace.report("0 of 3", at: start + .seconds(12))
        let printed = (12...45).compactMap { pace.due(at: start + .seconds($0)) }
        #expect(
            printed == [
                "0 of 3", "0 of 3, unchanged for 10 s", "0 of 3, unchanged for 20 s", "0 of 3, unchanged for 30 s",
            ])
        pace.clear()
        #expect(pace.due(at: start + .seconds(60)) == nil)
    }
}
