// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// Counts the units of one stage and reports progress at most ten times a second.
final class ProgressMeter: Sendable {
    private struct State {
        var done = 0
        var lastReport: ContinuousClock.Instant
    }

    private let stage: AssessmentProgress.Stage
    private let total: Int
    private let start = ContinuousClock.now
    private let state: Mutex<State>
    private let report: @Sendable (AssessmentProgress) -> Void

    init(
        _ stage: AssessmentProgress.Stage, total: Int, report: @escaping @Sendable (AssessmentProgress) -> Void
    ) {
        self.stage = stage
        self.total = total
        self.report = report
        state = Mutex(State(lastReport: start))
        report(AssessmentProgress(stage: stage, done: 0, total: total, rate: nil, secondsLeft: nil))
    }

    func advance(by units: Int) {
        let now = ContinuousClock.now
        let done: Int? = state.withLock { state in
            state.done += units
            guard state.done >= total || now - state.lastReport >= .milliseconds(100) else { return nil }
            state.lastReport = now
            return state.done
        }
        guard let done else { return }
        let seconds = (now - start) / .seconds(1)
        let rate = seconds > 0 && done > 0 ? Double(done) / seconds : nil
        report(
            AssessmentProgress(
                stage: stage, done: done, total: total, rate: rate,
                secondsLeft: rate.map { Double(max(0, total - done)) / $0 }))
    }
}
