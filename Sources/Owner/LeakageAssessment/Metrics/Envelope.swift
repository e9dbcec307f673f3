/// What is true of a cut follows from all deeper ones: whatever is computed from a deeper intermediate representation is
/// computed from a shallower one too. So a leak measured deeper is a lower bound of the leak here, and "stays above"
/// means above at every cut from here on.
package enum Envelope {
    /// The largest of each element and those after it; `nil` elements are passed over.
    ///
    /// - Parameter leakage: By depth, shallowest first; larger leaks more.
    package static func largestFromHere(_ leakage: [Double?]) -> [Double?] { scan(leakage, max) }

    /// The smallest of each element and those after it; for measures where smaller leaks more.
    package static func smallestFromHere(_ divergence: [Double?]) -> [Double?] { scan(divergence, min) }

    private static func scan(_ values: [Double?], _ choose: (Double, Double) -> Double) -> [Double?] {
        var result = values
        var bound: Double?
        for index in values.indices.reversed() {
            if let value = values[index] { bound = bound.map { choose($0, value) } ?? value }
            result[index] = bound
        }
        return result
    }
}
