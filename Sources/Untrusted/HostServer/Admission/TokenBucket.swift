// SPDX-License-Identifier: Apache-2.0
/// A token bucket: an average rate per second, and a burst. The caller supplies the time.
package struct TokenBucket: Sendable {
    private let perSecond: Double
    private let burst: Double
    private var tokens: Double
    private var filled: ContinuousClock.Instant

    /// - Parameters:
    ///   - perSecond: How many are granted a second in the long run.
    ///   - burst: How many are granted at once after a pause.
    package init(perSecond: Double, burst: Int, at now: ContinuousClock.Instant) {
        self.perSecond = perSecond
        self.burst = Double(burst)
        tokens = Double(burst)
        filled = now
    }

    /// Whether a whole burst would be granted now.
    package func isFull(at now: ContinuousClock.Instant) -> Bool { level(at: now) >= burst }

    private func level(at now: ContinuousClock.Instant) -> Double {
        now > filled ? min(burst, tokens + (now - filled) / .seconds(1) * perSecond) : tokens
    }

    /// - Returns: Whether one is granted.
    package mutating func take(at now: ContinuousClock.Instant) -> Bool {
        tokens = level(at: now)
        filled = max(filled, now)
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
