// SPDX-License-Identifier: Apache-2.0
internal import Inference
internal import ModelGraph
internal import Tensors

/// Top-1 agreement of the model with noise at a cut and without.
struct NoiseAgreement {
    /// Limit of the activations in memory, in bytes.
    private static let memoryBytes = 512 << 20

    private let context: StageContext
    /// All layers after the cut, with the boundary tensors as inputs.
    private let suffix: Graph
    /// Boundary tensors per image, in the order of the suffix's inputs.
    private let crossing: [[Tensor]]
    /// Predicted classes without noise.
    private let clean: [Int]
    /// Root mean square of the boundary tensors.
    let scale: Double

    /// Runs the model up to the cut on the first images, and the rest without noise.
    ///
    /// - Parameter pictures: Most images; fewer are used if the boundary tensors are large.
    init(_ context: StageContext, cut: Cut, pictures: Int) throws(AssessmentError) {
        let model = context.model
        let suffix = try EngineBridge.graph { () throws(GraphError) in
            try model.graph.partitioned(front: cut, mapping: cut).mapping
        }
        let order = suffix.inputs.compactMap { input in cut.crossing.firstIndex(of: input.name) }
        let bytes = cut.crossing.reduce(0) { $0 + model.graph.type(of: $1).byteCount }
        let crossing = try WorkerThreads<[Tensor]>.map(
            count: max(1, min(pictures, context.decoded, Self.memoryBytes / max(1, bytes))), threads: context.threads
        ) { () throws(AssessmentError) in
            try CutProbe(model, cuts: [cut])
        } body: { (probe, picture) throws(AssessmentError) in
            try context.cancellation.check()
            let values = try probe.crossing(of: try context.pictures.tensor(of: picture))[0]
            return order.map { values[$0] }
        }
        var (squares, elements) = (0.0, 0)
        for tensor in crossing.joined() {
            tensor.withElements(as: Float.self) { values in
                for value in values { squares += Double(value) * Double(value) }
                elements += values.count
            }
        }
        scale = (squares / Double(max(1, elements))).squareRoot()
        (self.context, self.suffix, self.crossing) = (context, suffix, crossing)
        clean = try Self.classes(context, suffix, crossing, nil)
    }

    /// The share of the images whose top-1 class is the same under noise of this deviation.
    func share(sigma: Double) throws(AssessmentError) -> Double {
        let noisy = try Self.classes(context, suffix, crossing, FeatureNoise(sigma: sigma, seed: context.seed))
        return Double(zip(clean, noisy).count { $0 == $1 }) / Double(clean.count)
    }

    private static func classes(
        _ context: StageContext, _ suffix: Graph, _ crossing: [[Tensor]], _ noise: (any NoiseModel)?
    ) throws(AssessmentError) -> [Int] {
        try WorkerThreads<Int>.map(count: crossing.count, threads: context.threads) { () throws(AssessmentError) in
            try EngineBridge.compile(suffix, name: context.model.name)
        } body: { (plan, picture) throws(AssessmentError) in
            try context.cancellation.check()
            let inputs = noise?.added(to: crossing[picture], picture: picture) ?? crossing[picture]
            return try EngineBridge.run(plan, inputs)[0].withElements(as: Float.self) { scores in
                scores.indices.max { scores[$0] < scores[$1] } ?? 0
            }
        }
    }
}
