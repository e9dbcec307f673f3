import Glibc

/// How far the outputs of a classifier are from those of another, over some inputs.
package struct OutputAgreement: Sendable, Hashable {
    package private(set) var count = 0
    private var agreements = 0
    private var divergence = 0.0

    package init() {}

    /// The share of the inputs whose best class is the same.
    package var top1: Double { count == 0 ? 1 : Double(agreements) / Double(count) }

    /// Mean Kullback-Leibler divergence of the outputs from those expected, in nats.
    package var meanDivergence: Double { count == 0 ? 0 : divergence / Double(count) }

    /// - Parameters:
    ///   - expected: Probabilities, or scores of which the probabilities are the softmax.
    ///   - actual: The same of the other.
    package mutating func add(expected: [Float], actual: [Float]) {
        let (expected, actual) = (Self.probabilities(expected), Self.probabilities(actual))
        if Self.best(expected) == Self.best(actual) { agreements += 1 }
        divergence += zip(expected, actual).reduce(0) { sum, pair in
            pair.0 > 0 ? sum + pair.0 * log(pair.0 / max(pair.1, 1e-30)) : sum
        }
        count += 1
    }

    private static func best(_ values: [Double]) -> Int? { values.indices.max { values[$0] < values[$1] } }

    private static func probabilities(_ values: [Float]) -> [Double] {
        let values = values.map(Double.init)
        if values.allSatisfy({ $0 >= 0 }), abs(values.reduce(0, +) - 1) < 1e-2 { return values }
        let largest = values.max() ?? 0
        let exponentials = values.map { exp($0 - largest) }
        let sum = exponentials.reduce(0, +)
        return exponentials.map { $0 / sum }
    }
}
