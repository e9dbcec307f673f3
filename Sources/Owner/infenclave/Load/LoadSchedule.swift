// SPDX-License-Identifier: Apache-2.0
import Foundation
import LeakageAssessment
import Synchronization

/// The schedule of requests. Times are relative to the start of a run.
final class LoadSchedule: Sendable {
    /// One scheduled request.
    struct Turn: Sendable {
        /// `nil` for immediately.
        let due: Duration?
    }

    private struct State {
        var last = 0.0
        var random: SeededGenerator
    }

    let warmUp: Duration
    let end: Duration
    private let rate: Double?
    private let state: Mutex<State>

    /// - Parameter rate: Average requests per second, at random times (Poisson process); `nil` for a closed loop.
    init(rate: Double?, warmUp: Duration, measured: Duration, seed: UInt64) {
        self.rate = rate
        self.warmUp = warmUp
        end = warmUp + measured
        state = Mutex(State(random: SeededGenerator(seed: seed)))
    }

    /// - Returns: `nil` after the end.
    func next(at now: Duration) -> Turn? {
        guard let rate else { return now < end ? Turn(due: nil) : nil }
        let due = state.withLock { state in
            state.last -= log(1 - Double(state.random.next() >> 11) * 0x1p-53) / rate
            return Duration.seconds(state.last)
        }
        return due < end ? Turn(due: due) : nil
    }
}
