internal import ModelGraph
internal import Tensors

/// The model's answers, and what crosses to the mapping unit says of them.
enum MappingStage {
    static func run(
        _ configuration: AssessmentConfiguration, mapping: Cut, pictures: PictureSet, split: PictureSplit, count: Int,
        cancellation: CancellationFlag
    ) throws(AssessmentError) -> (answers: [Int], leakage: MappingLeakage) {
        let model = configuration.model
        let observed = try WorkerThreads<(answer: Int, crossing: [Float])>.map(
            count: count, threads: configuration.threads
        ) { () throws(AssessmentError) in
            (probe: try CutProbe(model, cuts: [mapping]), classifier: try Classifier(model))
        } body: { (state, picture) throws(AssessmentError) in
            try cancellation.check()
            let input = try pictures.tensor(of: picture)
            let crossing = try state.probe.crossing(of: input)[0].flatMap { tensor in
                tensor.withElements(as: Float.self) { Array($0) }
            }
            do throws(AssessmentError) {
                return (try state.classifier.distribution(of: input).likeliestClass, crossing)
            } catch {
                throw AssessmentError(error.code, "picture \(pictures.entries[picture].name): \(error.message)")
            }
        }
        let answers = observed.map(\.answer)
        return (
            answers,
            MappingLeakage(
                gram: GramMatrix.of(observed.map(\.crossing)), classes: answers, split: split,
                seed: configuration.seed)
        )
    }
}
