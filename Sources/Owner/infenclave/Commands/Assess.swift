import ArgumentParser
import AssessmentReport
import Foundation
import LeakageAssessment
import Tensors

struct Assess: Command {
    static let configuration = CommandConfiguration(
        abstract: "Measure what every cut would leak, and recommend a partition.",
        discussion: """
            Writes assessment.json, plan.json and report.html into --out. The validator is an independent classifier of \
            similar pictures; without one the model judges itself, which the report says.
            """)

    @OptionGroup var source: ModelArguments
    @OptionGroup var preprocess: PreprocessArguments
    @OptionGroup var engine: EngineArguments
    @Option(help: "A folder of pictures like those that clients will send.") var images: String
    @Option(help: "The folder to write.") var out: String
    @Option(help: "An independent classifier that judges IR images.") var validator: String?
    @Option(help: "The validator's preprocessing, a JSON file.") var validatorPreprocess: String?
    @Option(help: "Use at most this many pictures, the first by name.") var limit: Int?
    @Option(help: "Assess this cut; repeat it for more. `all` assesses every cut.") var cut: [String] = []
    @Option(help: "The seed of projections and splits.") var seed: UInt64 = 1
    @Flag(help: "Print a summary as JSON.") var json = false

    func execute() async throws {
        try AssessmentReport.checkWritable(out)
        let model = try source.load()
        var configuration = AssessmentConfiguration(
            model: network(model, try preprocess.resolved(for: model)), validator: try validatorNetwork(),
            imageFolder: images, imageLimit: limit, threads: try engine.resolvedThreads())
        configuration.seed = seed
        if !cut.isEmpty { configuration.cuts = cut == ["all"] ? .all : .named(cut) }
        let assessor = try Assessor(configuration)
        let meter = ProgressLine()
        let result = try await Interruption.cancelling { cancellation in
            try await onOwnThread { try assessor.run(cancellation: cancellation) { meter.show($0) } }
        }
        meter.finish()
        try AssessmentReport.write(result, to: out)
        try summarise(result)
    }

    private func validatorNetwork() throws -> AssessmentConfiguration.Network? {
        guard let validator else { return nil }
        let loaded = try LoadedModel(path: validator)
        let arguments = PreprocessArguments.file(validatorPreprocess)
        return network(loaded, try arguments.resolved(for: loaded))
    }

    private func summarise(_ result: AssessmentResult) throws {
        let recommendation = result.recommendation
        if json {
            struct Summary: Encodable {
                let out, front, mapping, rule, reason: String
                let warnings: [String]
            }
            return try printJSON(
                Summary(
                    out: out, front: recommendation.front, mapping: recommendation.mapping, rule: recommendation.rule,
                    reason: recommendation.reason, warnings: result.warnings))
        }
        print(AssessmentTable(result).text)
        print(
            recommendation.everythingInside
                ? "recommended: everything inside the enclave"
                : "recommended: FrontNet up to \(recommendation.front), mapping unit after \(recommendation.mapping)")
        print("  \(recommendation.reason)")
        for warning in result.warnings { print("warning: \(warning)") }
        print("wrote \(out)/report.html, assessment.json and plan.json")
    }
}

private func network(
    _ model: LoadedModel, _ preprocessing: Preprocessing
) -> AssessmentConfiguration.Network {
    .init(graph: model.graph, preprocessing: preprocessing, name: model.name, sha256: model.sha256)
}
