/// How long a keyholder waits before it looks at a server again: less while all is well, more after each refusal. It has no
/// clock of its own.
package struct WatchPauses: Sendable {
    private static let longest = Duration.seconds(600)
    private static let longestUnreachable = Duration.seconds(15)
    /// Evidence is looked at so often, whatever the server says of itself.
    static let longestTrust = 600.0

    private let regular: Duration
    private var failures = 0

    /// - Parameter regular: While all is well.
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
