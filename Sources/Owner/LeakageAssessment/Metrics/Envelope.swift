// SPDX-License-Identifier: Apache-2.0
/// A deeper intermediate representation is a function of a shallower one. So a leak at a deeper cut is a lower bound of
/// the leak at a shallower one, and a limit has to hold at a cut and at all deeper ones.
package enum Envelope {
    /// The maximum of each element and those after it; `nil` elements are skipped.
    ///
    /// - Parameter leakage: By depth, shallowest first; larger values leak more.
    package static func largestFromHere(_ leakage: [Double?]) -> [Double?] { scan(leakage, max) }

    /// The minimum of each element and those after it; for measures where smaller values leak more.
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
