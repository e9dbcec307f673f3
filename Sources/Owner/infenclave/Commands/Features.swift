// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import LeakageAssessment

struct Features: Command {
    static let configuration = CommandConfiguration(
        abstract: "Write the boundary tensors of a cut, and the pictures, for an external attack.",
        discussion: """
            Writes features.npy, pictures.npy, names.json and split.json into --out, a new folder that contains \
            pictures: protect it like them. Tokens that are no part of a map, such as a class token, are in tokens.npy. Pictures and split are those of an assessment with the same --images, \
            --limit, --decoder-images and --seed. `assess --attack` takes the result of the attack; Examples/attacks \
            has an example.
            """)

    @OptionGroup var source: ModelArguments
    @OptionGroup var preprocess: PreprocessArguments
    @OptionGroup var engine: EngineArguments
    @Option(help: ArgumentHelp("The cut, by the name of the last layer inside.", valueName: "layer")) var cut: String
    @Option(help: ArgumentHelp("A folder of pictures like those that clients will send.", valueName: "dir")) var images:
        String
    @Option(help: ArgumentHelp("The folder to create.", valueName: "dir")) var out: String
    @Option(help: ArgumentHelp("Use only the first N pictures, by name.", valueName: "n")) var limit: Int?
    @Option(
        help: ArgumentHelp(
            "Number of pictures (default: 300); from a larger folder, a sample is drawn with --seed.", valueName: "n"))
    var decoderImages: Int?
    @Option(help: ArgumentHelp("The seed of sample and split.", valueName: "n")) var seed: UInt64 = 1
    @Flag(help: "Print a summary as JSON.") var json = false

    func execute() async throws {
        let model = try source.load(for: preprocess)
        var configuration = AssessmentConfiguration(
            model: try AssessmentArguments.network(model, try preprocess.resolved(for: model)), validator: nil,
            imageFolder: images, imageLimit: limit, threads: try engine.resolvedThreads())
        configuration.seed = seed
        if let decoderImages { configuration.decoderImageLimit = decoderImages }
        let (export, out) = (try FeatureExport(configuration, cut: cut), out)
        let summary = try await AssessmentRun.interruptibly(resuming: "nothing was kept; run the same command again") {
            cancellation, meter in
            try export.write(to: out, cancellation: cancellation, progress: meter.show)
        }
        if json {
            struct Summary: Encodable {
                let out: String
                let shape: [Int]
                let extraTokens, training, test, skipped: Int
            }
            return try printJSON(
                Summary(
                    out: out, shape: summary.shape, extraTokens: summary.extraTokens, training: summary.training,
                    test: summary.test, skipped: summary.skipped))
        }
        print("features \(summary.shape.map(String.init).joined(separator: "x")) of \(summary.shape[0]) pictures")
        print("  \(summary.training) to learn from, \(summary.test) to test")
        if summary.skipped > 0 { print("warning: \(summary.skipped) files could not be used and were skipped") }
        if let frames = summary.framesWarning { print("warning: \(frames)") }
        let tokens = summary.extraTokens > 0 ? " tokens.npy," : ""
        print("wrote \(out)/features.npy,\(tokens) pictures.npy, names.json and split.json")
    }
}
