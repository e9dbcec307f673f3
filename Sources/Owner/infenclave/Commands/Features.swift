import ArgumentParser
import LeakageAssessment

struct Features: Command {
    static let configuration = CommandConfiguration(
        abstract: "Write what crosses a cut, and the pictures, for an attack of your own.",
        discussion: """
            Writes features.npy, pictures.npy, names.json and split.json into --out, a new folder that holds pictures: \
            keep it as secret as they are. The pictures and the split into those to learn from and those to test are those of \
            an assessment with the same --images, --limit, --decoder-images and --seed. `assess --attack` takes what the \
            attack found; Examples/attacks has one.
            """)

    @OptionGroup var source: ModelArguments
    @OptionGroup var preprocess: PreprocessArguments
    @OptionGroup var engine: EngineArguments
    @Option(help: "The cut, by the name of the last layer inside.") var cut: String
    @Option(help: "A folder of pictures like those that clients will send.") var images: String
    @Option(help: "The folder to make.") var out: String
    @Option(help: "Use at most this many pictures, the first by name.") var limit: Int?
    @Option(help: "Take so many pictures instead of 300; of more, a sample is drawn with --seed.")
    var decoderImages: Int?
    @Option(help: "The seed of sample and split.") var seed: UInt64 = 1
    @Flag(help: "Print a summary as JSON.") var json = false

    func execute() async throws {
        let model = try source.load()
        var configuration = AssessmentConfiguration(
            model: try AssessmentArguments.network(model, try preprocess.resolved(for: model)), validator: nil,
            imageFolder: images, imageLimit: limit, threads: try engine.resolvedThreads())
        configuration.seed = seed
        if let decoderImages { configuration.decoderImageLimit = decoderImages }
        let (export, out) = (try FeatureExport(configuration, cut: cut), out)
        let summary = try await AssessmentRun.onOwnThread(resuming: "nothing was kept; run the same command again") {
            cancellation, meter in
            try export.write(to: out, cancellation: cancellation, progress: meter.show)
        }
        if json {
            struct Summary: Encodable {
                let out: String
                let shape: [Int]
                let training, test, skipped: Int
            }
            return try printJSON(
                Summary(
                    out: out, shape: summary.shape, training: summary.training, test: summary.test,
                    skipped: summary.skipped))
        }
        print("features \(summary.shape.map(String.init).joined(separator: "x")) of \(summary.shape[0]) pictures")
        print("  \(summary.training) to learn from, \(summary.test) to test")
        if summary.skipped > 0 { print("warning: \(summary.skipped) files could not be used and were passed over") }
        print("wrote \(out)/features.npy, pictures.npy, names.json and split.json")
    }
}
