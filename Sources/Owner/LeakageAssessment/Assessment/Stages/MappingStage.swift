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
        // One after the other, because each thread of each has weights of its own.
        _ = try forEachPicture(context) { () throws(AssessmentError) in
            try CutProbe(everythingIn: model)
        } body: { (probe, input, _) throws(AssessmentError) in
            _ = try probe.crossing(of: input)
        }
        let largest = try forEachPicture(context) { () throws(AssessmentError) in
            try CutProbe(model, cuts: [mapping])
        } body: { (probe, input, picture) throws(AssessmentError) in
            let values = try probe.crossing(of: input)[0].flatMap { tensor in
                tensor.withElements(as: Float.self) { Array($0) }
            }
            try crossing.write(values, at: picture)
            return values.indices.max { values[$0] < values[$1] } ?? 0
        }
        let answers = try forEachPicture(context) { () throws(AssessmentError) in
            try Classifier(model)
        } body: { (classifier, input, _) throws(AssessmentError) in
            try classifier.distribution(of: input).likeliestClass
        }
        let gram = GramMatrix.of(crossing)
        try crossing.check()
        return Outcome(
            answers: answers,
            leakage: MappingLeakage(
                gram: gram, classes: answers, largest: length == model.classes ? largest : nil,
                split: context.split, seed: context.seed))
    }

    /// Passes each of the decoders' images to `body`; an error names the image.
    private static func forEachPicture<State, Result: Sendable>(
        _ context: StageContext, makeState: @escaping @Sendable () throws(AssessmentError) -> State,
        body: @escaping @Sendable (State, Tensor, Int) throws(AssessmentError) -> Result
    ) throws(AssessmentError) -> [Result] {
        try WorkerThreads<Result>.map(count: context.decoded, threads: context.threads, makeState: makeState) {
            (state, picture) throws(AssessmentError) in
            try context.cancellation.check()
            let input = try context.pictures.tensor(of: picture)
            do throws(AssessmentError) { return try body(state, input, picture) } catch {
                throw AssessmentError(
                    error.code, "picture \(context.pictures.entries[picture].name): \(error.message)")
            }
        }
    }
}
