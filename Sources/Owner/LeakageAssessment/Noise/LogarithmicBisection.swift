// SPDX-License-Identifier: Apache-2.0
/// Bisection on a logarithmic scale for the threshold between a value for which a condition holds and one for which it
/// does not.
package struct LogarithmicBisection: Sendable, Hashable {
    /// The condition holds here.
    package private(set) var holds: Double
    /// The condition fails here; this may be above or below ``holds``.
    package private(set) var fails: Double

    /// Both must be above 0.
    package init(holds: Double, fails: Double) {
        precondition(holds > 0 && fails > 0)
        self.holds = holds
        self.fails = fails
    }

    /// The next value to try: the geometric mean.
    package var middle: Double { (holds * fails).squareRoot() }

    /// - Parameter success: Whether the condition holds at ``middle``.
    package mutating func narrow(_ success: Bool) { if success { holds = middle } else { fails = middle } }
}
