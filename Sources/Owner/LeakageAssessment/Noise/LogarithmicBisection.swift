/// The search for a threshold between a value for which something holds and one for which it does not, by halving the
/// interval of their logarithms.
package struct LogarithmicBisection: Sendable, Hashable {
    /// It holds here...
    package private(set) var holds: Double
    /// ...and not here, which may be above or below.
    package private(set) var fails: Double

    /// Both above 0.
    package init(holds: Double, fails: Double) {
        precondition(holds > 0 && fails > 0)
        self.holds = holds
        self.fails = fails
    }

    /// What to try next: the geometric mean.
    package var middle: Double { (holds * fails).squareRoot() }

    /// - Parameter success: Whether it holds at ``middle``.
    package mutating func narrow(_ success: Bool) { if success { holds = middle } else { fails = middle } }
}
