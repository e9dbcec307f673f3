// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import Synchronization
import Testing

@Suite("Progress")
struct ProgressTests {
    @Test("Without a terminal there is one line every ten seconds, however frequent the updates")
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

    @Test("A stage without updates still gives a line every ten seconds with its elapsed time")
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

    @Test(
        "An estimate of the total time comes before any attack, and a better one after the first cut",
        arguments: [1, 4])
    func forecasts(cuts: Int) throws {
        let pictures = try DrawnPictures(count: 12)
        var configuration = try pictures.configuration()
        configuration.cuts = .named(Array(["relu1", "pool1", "relu2", "flat"].suffix(cuts)))
        configuration.trainedCuts = .none
        configuration.measuresTime = false
        let attacks = Mutex(0)
        var found: [(forecast: AssessmentForecast, attacked: Int)] = []
        _ = try Assessor(configuration).run(
            progress: { progress in
                if progress.stage == .decoders { attacks.withLock { $0 = max($0, progress.done) } }
            },
            forecast: { found.append(($0, attacks.withLock { $0 })) })
        #expect(found.map(\.forecast.basis) == [.plannedWork, .firstCut] && found.map(\.attacked) == [0, 1])
        for forecast in found.map(\.forecast) {
            #expect(forecast.cuts == cuts && forecast.decoderSeconds > 0)
            #expect(forecast.seconds.isFinite && forecast.seconds < 3600)
        }
        #expect(found[0].forecast.networkSeconds > 0 && found[1].forecast.networkSeconds == 0)
    }
}
