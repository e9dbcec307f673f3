// SPDX-License-Identifier: Apache-2.0
/// The limits of a cut's leakage. Each is judged with its statistical error against the cut, over this cut and all
/// deeper ones: means with ``deviations`` standard errors, shares of images with Wilson's bound at the same level
/// (``WilsonBound``). So with fewer images the gates are harder to pass.
package struct Gates: Sendable, Hashable {
    package var name: String
    /// In the order of ``Gate/all``: digests of an assessment's inputs depend on it.
    private var limits: [Double?]

    /// - Parameter limits: One for each gate; a gate that is left out has no limit.
    package init(name: String, _ limits: [Gate: Double]) {
        self.name = name
        self.limits = Gate.all.map { limits[$0] }
    }

    /// `nil` for no limit.
    package subscript(gate: Gate) -> Double? {
        get { Gate.all.firstIndex(of: gate).flatMap { limits[$0] } }
        set { if let index = Gate.all.firstIndex(of: gate) { limits[index] = newValue } }
    }

    /// One-sided 95 % of a normal distribution.
    package static let deviations = 1.65

    package static let standard = Gates(name: "standard", limits(\.standard))
    package static let strict = Gates(name: "strict", limits(\.strict))

    private static func limits(_ limit: (Gate) -> Double?) -> [Gate: Double] {
        var limits: [Gate: Double] = [:]
        for gate in Gate.all { limits[gate] = limit(gate) }
        return limits
    }
}
