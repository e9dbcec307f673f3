// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import LeakageAssessment
import ModelGraph
import ONNXImport
import Tensors

/// The options of an assessment: everything that affects the numbers and the recommendation.
struct AssessmentArguments: ParsableArguments {
    @OptionGroup var source: ModelArguments
    @OptionGroup var preprocess: PreprocessArguments
    @OptionGroup var engine: EngineArguments
    @Option(help: ArgumentHelp("A folder of pictures like those that clients will send.", valueName: "dir")) var images:
        String?
    @Option(help: ArgumentHelp("An independent classifier that judges IR images.", valueName: "file")) var validator:
        String?
    @Option(help: ArgumentHelp("The validator's preprocessing, a JSON file.", valueName: "file"))
    var validatorPreprocess: String?
    @Option(help: ArgumentHelp("The validator's input shape, as --shape of the model.", valueName: "shape"))
    var validatorShape: String?
    @Option(help: ArgumentHelp("The validator's output with the class scores.", valueName: "name"))
    var validatorOutput: String?
    @Option(
        help: ArgumentHelp(
            "What the validator's output is, as --scores of the model.", valueName: "kind"))
    var validatorScores: ScoreKind?
    @Option(help: ArgumentHelp("Use only the first N pictures, by name.", valueName: "n")) var limit: Int?
    @Option(
        help:
            ArgumentHelp(
                "Pictures for the channel KL at every cut. Default: 60, and 10 at a cut that fails another gate.",
                valueName: "n")
    )
    var klImages: Int?
    @Option(
        help:
            ArgumentHelp(
                "Pictures for the decoders (default: 300); from a larger folder, a sample is drawn with --seed.",
                valueName: "n")
    )
    var decoderImages: Int?
    @Option(
        help:
            ArgumentHelp(
                "Assess this cut; repeatable. `all` assesses every cut. A cut passes only if every deeper default one is assessed too.",
                valueName: "layer")
    )
    var cut: [String] = []
    @Option(help: ArgumentHelp("The seed of samples, projections and splits.", valueName: "n")) var seed: UInt64 = 1
    @Option(
        help:
            ArgumentHelp(
                "Cuts at which to train a neural decoder: none, decision (those within the gates, or within those of appearance) or all.",
                valueName: "cuts")
    )
    var trained: AssessmentConfiguration.TrainedCuts = .decision
    @Option(
        help:
            ArgumentHelp(
                "Pictures for the bounds; 0 leaves them out. Default: 50, if a cut is within the gates.", valueName: "n"
            )
    )
    var boundPictures: Int?
    @Option(
        help:
            ArgumentHelp(
                "Pictures for the white-box attack near the decision and at every cut within the gates; with 0 no cut passes for appearance. Default: 4, if a cut is within the gates.",
                valueName: "n")
    )
    var whiteBox: Int?
    @Flag(
        help:
            "Search for Gaussian noise on the boundary that brings cuts within the gates; it is reported, not recommended."
    )
    var noise = false
    @Option(
        help:
            "The adversary that the gates must withstand: paper (KL only, with --protect appearance), informed (decoders only), or both."
    )
    var adversary: Adversary = .both
    @Option(
        help:
            ArgumentHelp(
                "The assets that a cut must protect: appearance, identity, class, separated by commas. Default: all.",
                valueName: "assets")
    )
    var protect: ProtectedAssets = .all
    @Option(help: ArgumentHelp("Judge the gates for an attacker who learns from this many pictures.", valueName: "n"))
    var attackerPictures = 100_000
    @Option(
        help: ArgumentHelp(
            "The result of an external attack, NAME=RESULT.json; repeatable. It cannot improve a verdict.",
            valueName: "name=file")
    )
    var attack: [AttackArgument] = []
    @Option(help: "The gates: standard, strict, or custom with --gates.") var security: Security = .standard
    @Option(help: ArgumentHelp("Custom gates, a JSON file.", valueName: "file")) var gates: String?
    @Option(help: ArgumentHelp("Maximum enclave memory of the plan, such as 93M.", valueName: "bytes"))
    var enclaveMemory: ByteSize?
    @Option(help: ArgumentHelp("Maximum latency of the plan, in milliseconds per picture.", valueName: "ms"))
    var latency: Double?
    @Option(
        help: ArgumentHelp(
            "How much slower layers run inside the enclave; 1 for the development TEE.", valueName: "factor"))
    var enclaveFactor = 1.0
    @Option(
        help: ArgumentHelp("A public model, .onnx or .cfg, to compare this model's layers with.", valueName: "file"))
    var publicBackbone: String?
    @Option(help: ArgumentHelp("The weights of a --public-backbone in .cfg form.", valueName: "file"))
    var publicWeights: String?
    @Option(help: ArgumentHelp("The input shape of the --public-backbone.", valueName: "shape"))
    var publicShape: String?
    @Option(help: ArgumentHelp("The output of the --public-backbone with the class scores.", valueName: "name"))
    var publicOutput: String?

    enum Security: String, ExpressibleByArgument, CaseIterable { case standard, strict, custom }

    func validate() throws {
        guard !noise || adversary != .paper else {
            throw ValidationError("--noise is judged by decoders: it goes with --adversary informed or both")
        }
        guard adversary != .paper || protect.assets == [.appearance] else {
            throw ValidationError(
                "--adversary paper has no measure of identity and class: it goes with --protect appearance")
        }
        guard attack.isEmpty || adversary != .paper else {
            throw ValidationError("--attack is an informed adversary's: it goes with --adversary informed or both")
        }
        guard Set(attack.map(\.name)).count == attack.count else {
            throw ValidationError("--attack gives two attacks the same name")
        }
        guard (0...BoundsOptions.mostPictures).contains(boundPictures ?? 0) else {
            throw ValidationError("--bound-pictures takes 0 to \(BoundsOptions.mostPictures)")
        }
        guard publicBackbone != nil || [publicWeights, publicShape, publicOutput].allSatisfy({ $0 == nil }) else {
            throw ValidationError("--public-weights, --public-shape and --public-output go with --public-backbone")
        }
        let ofValidator = [validatorPreprocess, validatorShape, validatorOutput, validatorScores?.rawValue]
        guard validator != nil || ofValidator.allSatisfy({ $0 == nil }) else {
            throw ValidationError(
                "--validator-preprocess, --validator-shape, --validator-output and --validator-scores go with --validator"
            )
        }
        for shape in [validatorShape, publicShape] { try shape.map(ONNXImportSettings.validate(shape:)) }
        guard (1...1 << 53).contains(attackerPictures) else {
            throw ValidationError("--attacker-pictures takes a number from 1")
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

    func configuration(of model: LoadedModel) throws -> AssessmentConfiguration {
        var configuration = AssessmentConfiguration(
            model: try Self.network(model, try preprocess.resolved(for: model)), validator: try validatorNetwork(),
            imageFolder: images ?? "", imageLimit: limit, threads: try engine.resolvedThreads())
        configuration.seed = seed
        if let klImages { (configuration.channelImageLimit, configuration.fewChannelImages) = (klImages, klImages) }
        if let decoderImages { configuration.decoderImageLimit = decoderImages }
        configuration.trainedCuts = trained
        if let boundPictures {
            configuration.bounds.pictures = boundPictures
            configuration.bounds.isAlways = true
        }
        if let whiteBox {
            configuration.whiteBox.pictures = whiteBox
            configuration.whiteBox.isAlways = true
        }
        configuration.triesNoise = noise
        configuration.adversary = adversary
        configuration.protected = protect.assets
        configuration.attackerPictures = attackerPictures
        let network = configuration.model
        configuration.attacks = try attack.map { try $0.attack(on: network) }
        configuration.gates = try resolvedGates()
        configuration.budgets = budgets
        configuration.cuts = cuts
        return configuration
    }

    /// The configuration for costs alone.
    func costConfiguration(of model: LoadedModel) throws -> AssessmentConfiguration {
        var configuration = AssessmentConfiguration(
            model: try Self.network(model, try preprocess.resolved(for: model)), validator: nil, imageFolder: "",
            threads: try engine.resolvedThreads())
        configuration.cuts = cuts
        return configuration
    }

    var budgets: Budgets {
        var budgets = Budgets()
        budgets.enclaveBytes = enclaveMemory?.bytes
        budgets.latencyMilliseconds = latency
        budgets.enclaveFactor = enclaveFactor
        return budgets
    }

    private var cuts: AssessmentConfiguration.CutSelection {
        cut.isEmpty ? .assessable : cut == ["all"] ? .all : .named(cut)
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

    /// The comparison with a public backbone; `nil` if there is none.
    func backbone(of model: LoadedModel) async throws -> BackboneComparison? {
        guard let publicBackbone else { return nil }
        let settings = try ONNXImportSettings(shape: publicShape, output: publicOutput)
        let other = try Self.loaded(publicBackbone, weights: publicWeights, settings, options: "public")
        let digest = try other.sha256()
        return try await onOwnThread {
            BackboneComparison(of: model.graph, with: other.graph, name: other.name, sha256: digest)
        }
    }

    private func validatorNetwork() throws -> AssessmentConfiguration.Network? {
        guard let validator else { return nil }
        let arguments = PreprocessArguments.file(validatorPreprocess)
        var settings = try ONNXImportSettings(shape: validatorShape, output: validatorOutput)
        if validatorShape == nil, let size = try arguments.stated(besides: validator) {
            settings.pictureSize = .init(channels: size.channels.count, height: size.height, width: size.width)
        }
        let loaded = try Self.loaded(validator, settings, scores: validatorScores, options: "validator")
        return try Self.network(loaded, try arguments.resolved(for: loaded))
    }

    /// A model beside the assessed one. A remedy of the importer names the options of this model.
    private static func loaded(
        _ path: String, weights: String? = nil, _ settings: ONNXImportSettings, scores: ScoreKind? = nil,
        options prefix: String
    ) throws -> LoadedModel {
        do {
            return try LoadedModel(path: path, weights: weights, settings: settings, scores: scores)
        } catch let error as ONNXImportError {
            let message = ["output", "shape"].reduce(error.message) { message, option in
                message.replacingOccurrences(of: "--\(option) ", with: "--\(prefix)-\(option) ")
            }
            throw CommandFailure("model", message)
        }
    }

    static func network(
        _ model: LoadedModel, _ preprocessing: Preprocessing
    ) throws -> AssessmentConfiguration.Network {
        try .init(
            graph: model.graph, preprocessing: preprocessing, name: model.name, sha256: model.sha256(),
            scores: model.scores)
    }
}

extension AssessmentConfiguration.TrainedCuts: ExpressibleByArgument {}
extension Adversary: ExpressibleByArgument {}

/// A comma-separated list of `appearance`, `identity` and `class`.
struct ProtectedAssets: ExpressibleByArgument {
    let assets: Set<Asset>

    static let all = ProtectedAssets(assets: Asset.all)

    private init(assets: Set<Asset>) { self.assets = assets }

    init?(argument: String) {
        let names = argument.split(separator: ",", omittingEmptySubsequences: false)
        let assets = Set(names.compactMap { Asset(rawValue: String($0)) })
        guard assets.count == names.count else { return nil }
        self.assets = assets
    }

    var defaultValueDescription: String { "appearance,identity,class" }
}
