/// What a cut's measured leakage must stay within. Each is judged with its statistical error against the cut, and over
/// this cut and all deeper ones: means with ``deviations`` standard errors, shares of pictures with Wilson's bound at as
/// many (``WilsonBound``). So the fewer the pictures, the harder are the gates.
package struct Gates: Sendable, Hashable {
    package var name: String
    /// In the order of ``Gate/all``: digests of what an assessment follows from are made of it.
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
