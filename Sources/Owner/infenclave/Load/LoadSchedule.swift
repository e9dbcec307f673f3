// SPDX-License-Identifier: Apache-2.0
import Foundation
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
        var random: UInt64
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
        state = Mutex(State(random: seed))
    }

    /// - Returns: `nil` after the end.
    func next(at now: Duration) -> Turn? {
        guard let rate else { return now < end ? Turn(due: nil) : nil }
        let due = state.withLock { state in
            // SplitMix64 (Steele, Lea and Flood, 2014).
            state.random &+= 0x9E37_79B9_7F4A_7C15
            var value = state.random
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            value ^= value >> 31
            state.last -= log(1 - Double(value >> 11) * 0x1p-53) / rate
            return Duration.seconds(state.last)
        }
        return due < end ? Turn(due: due) : nil
    }
}
