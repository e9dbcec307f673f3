package import ModelGraph
package import Tensors

extension Calibration {
    /// Keeps the convolutions from being quantised that change the outputs most, until the rest changes them by less
    /// than `tolerance`, or half of them are kept.
    ///
    /// - Parameters:
    ///   - inputs: A few examples.
    ///   - tolerance: Mean squared difference from the outputs in float32, of their mean square.
    package func refined(
        _ graph: Graph, on inputs: [[Tensor]], tolerance: Double, threads: Int
    ) throws(InferenceError) -> Calibration {
        let trial = try RefinementTrial(graph, inputs, threads)
        let (whole, convolutions) = try trial.error(of: self)
        guard whole > tolerance, convolutions.count > 1 else { return self }
        var errors: [(name: String, error: Double)] = []
        for name in convolutions {
            var only = self
            only.kept = Set(convolutions).subtracting([name])
            errors.append((name, try trial.error(of: only).error))
        }
        errors.sort { ($0.error, $1.name) > ($1.error, $0.name) }
        var result = self
        var count = 1
        while true {
            result.kept = Set(errors.prefix(count).map(\.name))
            if count >= convolutions.count / 2 { return result }
            if try trial.error(of: result).error <= tolerance { return result }
            count = min(count * 2, convolutions.count / 2)
        }
    }
}

/// The outputs in float32, to compare with.
private struct RefinementTrial {
    let graph: Graph
    let inputs: [[Tensor]]
    let expected: [[Float]]
    let threads: Int

    init(_ graph: Graph, _ inputs: [[Tensor]], _ threads: Int) throws(InferenceError) {
        (self.graph, self.inputs, self.threads) = (graph, inputs, threads)
        let plan = try Plan(compiling: graph, options: PlanOptions(threads: threads))
        expected = try Self.outputs(plan, inputs)
    }

    func error(of calibration: Calibration) throws(InferenceError) -> (error: Double, convolutions: [String]) {
        let plan = try Plan(
            compiling: graph, options: PlanOptions(threads: threads, precision: .int8(calibration)))
        var (difference, square) = (0.0, 0.0)
        for (a, b) in zip(try Self.outputs(plan, inputs), expected) {
            for (x, y) in zip(a, b) {
                difference += Double(x - y) * Double(x - y)
                square += Double(y) * Double(y)
            }
        }
        return (square > 0 ? difference / square : 0, plan.integerConvolutions)
    }

    private static func outputs(_ plan: Plan, _ inputs: [[Tensor]]) throws(InferenceError) -> [[Float]] {
        var all: [[Float]] = []
        for input in inputs {
            for output in try plan.run(input) where output.element == .float32 {
                all.append((try? output.floats()) ?? [])
            }
        }
        return all
    }
}
