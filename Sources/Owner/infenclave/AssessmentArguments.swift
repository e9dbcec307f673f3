import ArgumentParser
import Foundation
import LeakageAssessment
import ONNXImport
import Tensors

/// The options of an assessment: everything that affects the numbers and the recommendation.
struct AssessmentArguments: ParsableArguments {
    @OptionGroup var source: ModelArguments
    @OptionGroup var preprocess: PreprocessArguments
    @OptionGroup var engine: EngineArguments
    @Option(help: "A folder of pictures like those that clients will send.") var images: String?
    @Option(help: "An independent classifier that judges IR images.") var validator: String?
    @Option(help: "The validator's preprocessing, a JSON file.") var validatorPreprocess: String?
    @Option(help: "Use at most this many pictures, the first by name.") var limit: Int?
    @Option(
        help:
            "Pictures of the channel KL, at every cut. The default is 60, and 20 at a cut that fails another gate."
    )
    var klImages: Int?
    @Option(
        help:
            "Let the decoders take so many pictures instead of 300; of more, a sample is drawn with --seed."
    )
    var decoderImages: Int?
    @Option(help: "Assess this cut; repeat it for more. `all` assesses every cut.") var cut: [String] = []
    @Option(help: "The seed of samples, projections and splits.") var seed: UInt64 = 1
    @Option(
        help:
            "Where to train a decoder as well: none, decision (the cut to recommend, its neighbours, the next faster plan) or all."
    )
    var trained: AssessmentConfiguration.TrainedCuts = .decision
    @Option(
        help:
            "Estimate bounds from so many pictures; 0 leaves them out. Otherwise 50 are taken where a cut is within the gates."
    )
    var boundPictures: Int?
    @Option(
        help:
            "Attack so many pictures with the FrontNet's own gradient, near the decision; 0 leaves that out. Otherwise 4 are taken where a cut is within the gates."
    )
    var whiteBox: Int?
    @Flag(
        help:
            "Look for Gaussian noise on what crosses that brings cuts within the gates, and put its sigma in the plan.")
    var noise = false
    @Option(help: "Whom the recommendation must hold against: paper, informed, or both (what informed sees, and KL).")
    var adversary: Adversary = .both
    @Option(
        help:
            "What a cut has to protect of the picture: appearance, identity, class, separated by commas; all of them unless said otherwise."
    )
    var protect: ProtectedAssets = .all
    @Option(help: "Judge the gates for an attacker who learns from so many pictures.") var attackerPictures = 100_000
    @Option(
        help: "What an attack of somebody else found, NAME=RESULT.json; repeat it for more. It makes no verdict better."
    )
    var attack: [AttackArgument] = []
    @Option(help: "The gates: standard, strict, or custom with --gates.") var security: Security = .standard
    @Option(help: "Gates of your own, a JSON file.") var gates: String?
    @Option(help: "Enclave memory that the plan may need, such as 93M.") var enclaveMemory: ByteSize?
    @Option(help: "Milliseconds per picture that the plan may take.") var latency: Double?
    @Option(help: "How much slower layers are inside the enclave; 1 for the development TEE.") var enclaveFactor = 1.0
    @Option(help: "A public model, .onnx or .cfg: say which layers of this one are those of that one.")
    var publicBackbone: String?
    @Option(help: "The weights of a --public-backbone that is a .cfg.") var publicWeights: String?

    enum Security: String, ExpressibleByArgument, CaseIterable { case standard, strict, custom }

    func validate() throws {
        guard !noise || adversary != .paper else {
            throw ValidationError("--noise is judged by decoders: it goes with --adversary informed or both")
        }
        guard attack.isEmpty || adversary != .paper else {
            throw ValidationError("--attack is an informed adversary's: it goes with --adversary informed or both")
        }
        guard Set(attack.map(\.name)).count == attack.count else {
            throw ValidationError("--attack names two attacks alike")
        }
        guard (0...BoundsOptions.mostPictures).contains(boundPictures ?? 0) else {
            throw ValidationError("--bound-pictures takes 0 to \(BoundsOptions.mostPictures)")
        }
        guard publicWeights == nil || publicBackbone != nil else {
            throw ValidationError("--public-weights goes with --public-backbone")
        }
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
        let other = try LoadedModel(path: publicBackbone, weights: publicWeights)
        let digest = try other.sha256()
        return try await onOwnThread {
            BackboneComparison(of: model.graph, with: other.graph, name: other.name, sha256: digest)
        }
    }

    private func validatorNetwork() throws -> AssessmentConfiguration.Network? {
        guard let validator else { return nil }
        let arguments = PreprocessArguments.file(validatorPreprocess)
        var settings = ONNXImportSettings()
        if let size = try arguments.stated(besides: validator) {
            settings.pictureSize = .init(channels: size.channels.count, height: size.height, width: size.width)
        }
        let loaded = try LoadedModel(path: validator, settings: settings)
        return try Self.network(loaded, try arguments.resolved(for: loaded))
    }

    static func network(
        _ model: LoadedModel, _ preprocessing: Preprocessing
    ) throws -> AssessmentConfiguration.Network {
        try .init(graph: model.graph, preprocessing: preprocessing, name: model.name, sha256: model.sha256())
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
