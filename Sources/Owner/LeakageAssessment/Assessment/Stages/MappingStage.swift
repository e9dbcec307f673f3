// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// The model's predictions, and what the input of the mapping unit reveals of them. Every value inside the model is
/// checked here: one that is not finite must not be hidden by later layers.
enum MappingStage {
    struct Outcome: Codable, Sendable {
        /// The predicted classes of the decoders' images.
        let answers: [Int]
        let leakage: MappingLeakage
    }

    static func run(_ context: StageContext) throws(AssessmentError) -> Outcome {
        try context.work.result(of: context.inputs.key("mapping", pictures: context.decodedDigests)) {
            () throws(AssessmentError) in try compute(context)
        }
    }

    private static func compute(_ context: StageContext) throws(AssessmentError) -> Outcome {
        let (model, mapping) = (context.model, context.mapping)
        let length = mapping.crossing.reduce(0) { $0 + model.graph.type(of: $1).shape.elementCount }
        let crossing = try RecordStore<Float>(count: context.decoded, length: length, in: context.scratch)
        let found = try WorkerThreads<(answer: Int, largest: Int)>.map(count: context.decoded, threads: context.threads)
        {
            () throws(AssessmentError) in
            (
                everything: try CutProbe(everythingIn: model),
                probe: try CutProbe(model, cuts: [mapping]), classifier: try Classifier(model)
            )
        } body: { (state, picture) throws(AssessmentError) in
            try context.cancellation.check()
            let input = try context.pictures.tensor(of: picture)
            do throws(AssessmentError) {
                _ = try state.everything.crossing(of: input)
                let values = try state.probe.crossing(of: input)[0].flatMap { tensor in
                    tensor.withElements(as: Float.self) { Array($0) }
                }
                try crossing.write(values, at: picture)
                return (
                    try state.classifier.distribution(of: input).likeliestClass,
                    values.indices.max { values[$0] < values[$1] } ?? 0
                )
            } catch {
                throw AssessmentError(
                    error.code, "picture \(context.pictures.entries[picture].name): \(error.message)")
            }
        }
        let gram = GramMatrix.of(crossing)
        try crossing.check()
        let answers = found.map(\.answer)
        return Outcome(
            answers: answers,
            leakage: MappingLeakage(
                gram: gram, classes: answers, largest: length == model.classes ? found.map(\.largest) : nil,
                split: context.split, seed: context.seed))
    }
}
