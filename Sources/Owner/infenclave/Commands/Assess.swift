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
    @Option(help: "A folder of pictures like those that clients will send.") var images: String?
    @Option(help: "The folder to write.") var out: String?
    @Flag(help: "Only what each cut costs, without pictures and without --out: time, enclave memory, bytes that cross.")
    var costOnly = false
    @Option(help: "An independent classifier that judges IR images.") var validator: String?
    @Option(help: "The validator's preprocessing, a JSON file.") var validatorPreprocess: String?
    @Option(help: "Use at most this many pictures, the first by name.") var limit: Int?
    @Option(help: "Judge the channels of the first so many of them: the cost of the channel KL grows with it.")
    var klImages: Int?
    @Option(help: "Assess this cut; repeat it for more. `all` assesses every cut.") var cut: [String] = []
    @Option(help: "The seed of projections and splits.") var seed: UInt64 = 1
    @Option(help: "Where to train a decoder as well: none, decision (the cut to recommend and its neighbours) or all.")
    var trained: AssessmentConfiguration.TrainedCuts = .decision
    @Option(help: "Whom the recommendation must hold against: paper, informed, or both (what informed sees, and KL).")
    var adversary: Adversary = .both
    @Option(help: "The gates: standard, strict, or custom with --gates.") var security: Security = .standard
    @Option(help: "Gates of your own, a JSON file.") var gates: String?
    @Option(help: "Enclave memory that the plan may need, such as 93M.") var enclaveMemory: ByteSize?
    @Option(help: "Milliseconds per picture that the plan may take.") var latency: Double?
    @Option(help: "How much slower layers are inside the enclave; 1 for the development TEE.") var enclaveFactor = 1.0
    @Flag(help: "Print a summary as JSON.") var json = false

    enum Security: String, ExpressibleByArgument, CaseIterable { case standard, strict, custom }

    func validate() throws {
        guard (images == nil) == costOnly, (out == nil) == costOnly else {
            throw ValidationError("give --images FOLDER and --out FOLDER, or --cost-only without them")
        }
        guard (security == .custom) == (gates != nil) else {
            throw ValidationError("give --gates FILE with --security custom, and only with it")
        }
        if let latency, !(latency > 0 && latency.isFinite) {
            throw ValidationError("--latency takes milliseconds above 0")
        }
        guard enclaveFactor > 0, enclaveFactor.isFinite else {
            throw ValidationError("--enclave-factor takes a number above 0")
        }
    }

    private func resolvedGates() throws -> Gates {
        switch security {
        case .standard: return .standard
        case .strict: return .strict
        case .custom:
            let path = gates ?? ""
            let file = try InputFile.read(path, maximumBytes: 1 << 20)
            do throws(AssessmentError) { return try GatesFile.gates(decoding: file) } catch {
                throw CommandFailure("gates", "\(path): \(error.message)")
            }
        }
    }

    func execute() async throws {
        let model = try source.load()
        guard let images, let out else { return try await printCosts(of: model) }
        try AssessmentReport.checkWritable(out)
        var configuration = AssessmentConfiguration(
            model: try network(model, try preprocess.resolved(for: model)), validator: try validatorNetwork(),
            imageFolder: images, imageLimit: limit, threads: try engine.resolvedThreads())
        configuration.seed = seed
        if let klImages { configuration.channelImageLimit = klImages }
        configuration.trainedCuts = trained
        configuration.adversary = adversary
        configuration.gates = try resolvedGates()
        configuration.budgets = budgets
        if !cut.isEmpty { configuration.cuts = cut == ["all"] ? .all : .named(cut) }
        let assessor = try Assessor(configuration)
        let meter = ProgressLine()
        let result = try await Interruption.cancelling { cancellation in
            try await onOwnThread { try assessor.run(cancellation: cancellation) { meter.show($0) } }
        }
        meter.finish()
        try AssessmentReport.write(result, to: out)
        try summarise(result, out)
    }

    private var budgets: Budgets {
        var budgets = Budgets()
        budgets.enclaveBytes = enclaveMemory?.bytes
        budgets.latencyMilliseconds = latency
        budgets.enclaveFactor = enclaveFactor
        return budgets
    }

    private func printCosts(of model: LoadedModel) async throws {
        var configuration = AssessmentConfiguration(
            model: try network(model, try preprocess.resolved(for: model)), validator: nil, imageFolder: "",
            threads: try engine.resolvedThreads())
        if !cut.isEmpty { configuration.cuts = cut == ["all"] ? .all : .named(cut) }
        let meter = ProgressLine()
        let settings = configuration
        let costs = try await Interruption.cancelling { cancellation in
            try await onOwnThread {
                try CostAssessment.measure(settings, cancellation: cancellation) { meter.show($0) }
            }
        }
        meter.finish()
        if json {
            print(CostJSON.text(of: costs, model: (model.name, try model.sha256()), budgets: budgets))
        } else {
            print(CostTable(costs, budgets: budgets).text)
        }
    }

    private func validatorNetwork() throws -> AssessmentConfiguration.Network? {
        guard let validator else { return nil }
        let loaded = try LoadedModel(path: validator)
        let arguments = PreprocessArguments.file(validatorPreprocess)
        return try network(loaded, try arguments.resolved(for: loaded))
    }

    private func summarise(_ result: AssessmentResult, _ out: String) throws {
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
        for (title, option) in [("next safer", recommendation.nextSafer), ("next faster", recommendation.nextFaster)] {
            if let option { print("  \(title): \(option.summary)") }
        }
        for warning in result.warnings { print("warning: \(warning)") }
        print("wrote \(out)/report.html, assessment.json and plan.json")
    }
}

private func network(
    _ model: LoadedModel, _ preprocessing: Preprocessing
) throws -> AssessmentConfiguration.Network {
    try .init(graph: model.graph, preprocessing: preprocessing, name: model.name, sha256: model.sha256())
}

extension PlanOption {
    /// On one line of a terminal.
    fileprivate var summary: String {
        let place = everythingInside ? "everything inside" : "FrontNet up to \(front), mapping unit after \(mapping)"
        let time = latencyMilliseconds.map { String(format: ", %.1f ms", $0) } ?? ""
        return place + String(format: ", %.2f of the gates", leakage) + time + ", "
            + formatted(bytes: enclaveBytes) + " of enclave memory"
    }
}

extension AssessmentConfiguration.TrainedCuts: ExpressibleByArgument {}
extension Adversary: ExpressibleByArgument {}
