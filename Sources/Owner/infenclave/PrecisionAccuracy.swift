// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import Foundation
import Imaging
import Inference
import ModelGraph
import Tensors

/// Agreement of a plan's answers with those in f32.
struct PrecisionAccuracy: Encodable {
    let images: Int
    /// Whether these images were not used for calibration.
    let heldOut: Bool
    /// Top-1 agreement, 0 to 1.
    let top1Agreement: Double
    /// Mean Kullback-Leibler divergence of the answers from those in f32, in nats.
    let meanDivergence: Double
    /// The share of the multiply-adds by precision: `f32`, `bf16`, `int8`.
    let multiplyAdds: [String: Double]

    /// With fewer images than this the result is not meaningful, so calibration images are included.
    private static let fewest = 20

    /// - Parameters:
    ///   - original: The graph before its weights were rounded.
    ///   - folder: Images to compare on; those in `used` are left out if enough others exist.
    ///   - used: Calibration images.
    static func measure(
        _ model: LoadedModel, against original: Graph, _ preprocess: PreprocessArguments, _ table: PrecisionTable,
        folder: String,
        used: [String], threads: Int
    ) throws -> PrecisionAccuracy {
        let reference = try Plan(compiling: original, options: PlanOptions(threads: threads))
        // As on a processor that is fast with this precision, even if this one is not.
        var options = PlanOptions(threads: threads, precision: Precision(table))
        options.keepsSlowPrecision = true
        let plan = try Plan(compiling: model.graph, options: options)
        let preprocessor = Preprocessor(try preprocess.resolved(for: model))
        let all = try ImageFolder(folder).paths
        let seen = Set(used.map(Self.resolved))
        let others = all.filter { !seen.contains(Self.resolved($0)) }
        let isHeldOut = others.count == all.count || others.count >= Self.fewest
        var agreement = OutputAgreement(model.graph.scoreKind)
        for path in isHeldOut ? others : all {
            let tensor = try preprocessor.tensor(of: try Image(named: path))
            agreement.add(
                expected: try reference.run([tensor])[0].floats(), actual: try plan.run([tensor])[0].floats())
        }
        return PrecisionAccuracy(
            images: agreement.count, heldOut: isHeldOut, top1Agreement: agreement.top1,
            meanDivergence: agreement.meanDivergence, multiplyAdds: Self.shares(model.graph, plan))
    }

    private static func resolved(_ path: String) -> String { URL(filePath: path).standardizedFileURL.path }

    private static func shares(_ graph: Graph, _ plan: Plan) -> [String: Double] {
        var shares: [String: Double] = [:]
        let counts = graph.multiplyAddsByNode
        let total = Double(max(1, counts.reduce(0, +)))
        for (node, count) in zip(graph.nodes, counts) where count > 0 {
            shares[(plan.reducedProducts[node.name] ?? .float32).label, default: 0] += Double(count) / total
        }
        return shares
    }

    /// The form in the manifest.
    var recorded: BundleManifest.Accuracy {
        .init(
            pictures: images, heldOut: heldOut, top1Agreement: top1Agreement, meanDivergence: meanDivergence,
            multiplyAdds: multiplyAdds)
    }

    func text(_ precision: String) -> String {
        let shares = multiplyAdds.sorted { $0.value > $1.value }
            .map { String(format: "%.0f%% %@", 100 * $0.value, $0.key) }.joined(separator: ", ")
        return String(
            format:
                "%@ against f32 on %d %@pictures: same best class %.1f%%, mean divergence %.2g nats; of the multiply-adds %@",
            precision, images, heldOut ? "other " : "", 100 * top1Agreement, meanDivergence, shares)
    }
}
