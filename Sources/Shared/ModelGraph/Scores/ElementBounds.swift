// SPDX-License-Identifier: Apache-2.0

/// Bounds of all elements of a value, in exact arithmetic on finite elements.
struct ElementBounds: Sendable, Hashable {
    private(set) var low: Double
    private(set) var high: Double
    /// A bound of the sum of the magnitudes of all elements. That of a softmax is 1 for each distribution.
    private(set) var mass: Double

    static let unknown = ElementBounds(-.infinity, .infinity)
    static let unit = ElementBounds(0, 1)

    /// Bounds that are NaN say nothing.
    init(_ low: Double, _ high: Double, mass: Double = .infinity) {
        guard low <= high else {
            (self.low, self.high, self.mass) = (-.infinity, .infinity, .infinity)
            return
        }
        (self.low, self.high, self.mass) = (low, high, mass.isNaN ? .infinity : mass)
    }

    var isUnknown: Bool { low == -.infinity && high == .infinity && mass == .infinity }
    var largestMagnitude: Double { max(abs(low), abs(high)) }

    /// The same bounds of a value with so many elements.
    func counted(_ elements: Int) -> ElementBounds {
        ElementBounds(low, high, mass: min(mass, Self.product(Double(elements), largestMagnitude)))
    }

    /// Bounds of elements of which each is of one of two values.
    func joined(_ other: ElementBounds) -> ElementBounds { ElementBounds(min(low, other.low), max(high, other.high)) }

    /// What both say of the same value.
    func narrowed(_ other: ElementBounds) -> ElementBounds {
        ElementBounds(max(low, other.low), min(high, other.high), mass: min(mass, other.mass))
    }

    /// The same elements a number of times, or a part of them.
    func with(mass: Double) -> ElementBounds { ElementBounds(low, high, mass: mass) }

    /// Of a function that never falls.
    func mapped(_ rising: (Double) -> Double) -> ElementBounds { ElementBounds(rising(low), rising(high)) }

    static func + (a: ElementBounds, b: ElementBounds) -> ElementBounds {
        ElementBounds(a.low + b.low, a.high + b.high, mass: a.mass + b.mass)
    }

    static func - (a: ElementBounds, b: ElementBounds) -> ElementBounds {
        ElementBounds(a.low - b.high, a.high - b.low, mass: a.mass + b.mass)
    }

    static func * (a: ElementBounds, b: ElementBounds) -> ElementBounds {
        let corners = [
            product(a.low, b.low), product(a.low, b.high), product(a.high, b.low), product(a.high, b.high),
        ]
        return ElementBounds(
            corners.min() ?? -.infinity, corners.max() ?? .infinity,
            mass: min(product(a.mass, b.largestMagnitude), product(b.mass, a.largestMagnitude)))
    }

    static func / (a: ElementBounds, b: ElementBounds) -> ElementBounds {
        if b.low > 0 || b.high < 0 { return a * ElementBounds(1 / b.high, 1 / b.low) }
        guard b.low >= 0 else { return .unknown }
        return a.low >= 0 ? ElementBounds(0, .infinity) : a.high <= 0 ? ElementBounds(-.infinity, 0) : .unknown
    }

    /// Of sums of any elements of `a`, each multiplied by one of `b`.
    static func weightedSum(_ a: ElementBounds, _ b: ElementBounds) -> ElementBounds {
        let largest = product(a.mass, b.largestMagnitude)
        let either = ElementBounds(-largest, largest)
        guard a.low >= 0 else { return either }
        return ElementBounds(product(a.mass, min(0, b.low)), product(a.mass, max(0, b.high)))
    }

    /// Elements are finite, so that nothing times 0 is 0.
    private static func product(_ a: Double, _ b: Double) -> Double { a == 0 || b == 0 ? 0 : a * b }
}
