import Foundation
import Imaging
import Inference
import ModelGraph
import Tensors

/// How far the answers of a plan are from those in f32.
struct PrecisionAccuracy: Encodable {
    let images: Int
    /// The share of the pictures whose best class is the same.
    let top1Agreement: Double
    /// Mean Kullback-Leibler divergence of the answers from those in f32, in nats.
    let meanDivergence: Double

    /// - Parameter folder: Pictures that the ranges were not measured on, if the numbers are to mean much.
    static func measure(
        _ model: LoadedModel, _ preprocess: PreprocessArguments, _ precision: Precision, folder: String, threads: Int
    ) throws -> PrecisionAccuracy {
        let reference = try Plan(compiling: model.graph, options: PlanOptions(threads: threads))
        let plan = try Plan(compiling: model.graph, options: PlanOptions(threads: threads, precision: precision))
        let preprocessor = Preprocessor(try preprocess.resolved(for: model))
        var (agreements, divergence) = (0, 0.0)
        let paths = try ImageFolder(folder).paths
        for path in paths {
            let tensor = try preprocessor.tensor(of: try Image(contentsOf: path))
            let expected = try probabilities(try reference.run([tensor])[0].floats())
            let actual = try probabilities(try plan.run([tensor])[0].floats())
            if best(expected) == best(actual) { agreements += 1 }
            divergence += zip(expected, actual).reduce(0) { sum, pair in
                pair.0 > 0 ? sum + pair.0 * log(pair.0 / max(pair.1, 1e-30)) : sum
            }
        }
        return PrecisionAccuracy(
            images: paths.count, top1Agreement: Double(agreements) / Double(paths.count),
            meanDivergence: divergence / Double(paths.count))
    }

    private static func best(_ values: [Double]) -> Int? { values.indices.max { values[$0] < values[$1] } }

    /// The values themselves if they are probabilities, else their softmax.
    private static func probabilities(_ values: [Float]) throws -> [Double] {
        let values = values.map(Double.init)
        if values.allSatisfy({ $0 >= 0 }), abs(values.reduce(0, +) - 1) < 1e-2 { return values }
        let largest = values.max() ?? 0
        let exponentials = values.map { exp($0 - largest) }
        let sum = exponentials.reduce(0, +)
        return exponentials.map { $0 / sum }
    }
}
