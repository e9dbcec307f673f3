// SPDX-License-Identifier: Apache-2.0
/// The pauses between a keyholder's checks of a server: short while all is well, longer after each refusal. It does not
/// read a clock.
package struct WatchPauses: Sendable {
    private static let longest = Duration.seconds(600)
    private static let longestUnreachable = Duration.seconds(15)
    /// Longest interval, in seconds, at which evidence is verified, whatever the server reports.
    static let longestTrust = 600.0

    private let regular: Duration
    private var failures = 0

    /// - Parameter regular: The pause while all is well.
    package init(regular: Duration = .seconds(5)) { self.regular = regular }

    package mutating func afterSuccess() -> Duration {
        failures = 0
        return regular
    }

    package mutating func afterRefusal() -> Duration { grown(Self.longest) }
    package mutating func afterSilence() -> Duration { grown(Self.longestUnreachable) }

    private mutating func grown(_ longest: Duration) -> Duration {
        failures += 1
        return min(regular * (1 << min(failures, 10)), longest)
    }
}
