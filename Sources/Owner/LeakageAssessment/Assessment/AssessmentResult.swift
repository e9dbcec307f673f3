internal import ModelGraph
internal import Tensors

/// Everything that an assessment found. Rendering it twice gives the same bytes.
package struct AssessmentResult: Sendable {
    /// A network as the report names it.
    package struct NetworkDescription: Sendable, Hashable {
        package let name: String
        package let sha256: String
        package let classes: Int
        package let parameters: Int
        package let multiplyAdds: Int
        /// Pixels of its input.
        package let width: Int
        package let height: Int

        package init(
            name: String, sha256: String, classes: Int, parameters: Int, multiplyAdds: Int, width: Int, height: Int
        ) {
            self.name = name
            self.sha256 = sha256
            self.classes = classes
            self.parameters = parameters
            self.multiplyAdds = multiplyAdds
            self.width = width
            self.height = height
        }
    }

    /// A file of the folder that was not used, and why.
    package struct SkippedPicture: Sendable, Hashable {
        package let name: String
        package let reason: String

        package init(name: String, reason: String) {
            self.name = name
            self.reason = reason
        }
    }

    package let model: NetworkDescription
    /// `nil` when the model judged its own IR images.
    package let validator: NetworkDescription?
    /// Pictures used.
    package let images: Int
    /// Files of the folder, ``skipped`` among them.
    package let folderImages: Int
    package let skipped: [SkippedPicture]
    /// Pictures of the channel KL: the first so many.
    package let channelImages: Int
    /// Pictures that the decoders learned from (fitting and validation) and were tested on.
    package let trainingImages: Int
    package let testImages: Int
    package let seed: UInt64
    package let gates: Gates
    package let adversary: Adversary
    /// What had to be protected, and from an attacker with how many pictures.
    package let protected: Set<Asset>
    package let attackerPictures: Int
    package let budgets: Budgets
    /// How the white-box attack searched, at the cuts that have its scores.
    package let whiteBox: WhiteBoxOptions
    /// Mean of ln C - H(F(x)) over the pictures of the channel KL, nats.
    package let baselineMean: Double
    /// How many of those the validator was unsure of (p < 0.8): their baseline is near 0 and passes anything.
    package let validatorUnsure: Int
    /// Shallowest first.
    package let cuts: [CutMeasurement]
    /// One per cut.
    package let verdicts: [GateVerdict]
    package let recommendation: Recommendation
    package let paperRule: PaperRule
    package let mapping: String
    /// What the untrusted host learns of the class from what it hands to the mapping unit.
    package let mappingLeakage: MappingLeakage?
    package let gallery: [GalleryRow]
    package var warnings: [String]
    /// What of the model is public; `nil` where nothing was compared.
    package private(set) var backbone: BackboneComparison?
    /// Of outsiders, as far as they were given.
    package var attacks: [OutsideAttack] = []
    /// Time of the whole model on this machine, where it was measured.
    package let modelMilliseconds: Double?
    package let threads: Int

    package init(
        model: NetworkDescription, validator: NetworkDescription?, images: Int, folderImages: Int,
        skipped: [SkippedPicture],
        channelImages: Int, trainingImages: Int, testImages: Int, seed: UInt64, gates: Gates,
        adversary: Adversary = .both, protected: Set<Asset> = Asset.all, attackerPictures: Int = 100_000,
        budgets: Budgets = Budgets(),
        whiteBox: WhiteBoxOptions = WhiteBoxOptions(), baselineMean: Double,
        validatorUnsure: Int, cuts: [CutMeasurement], verdicts: [GateVerdict], recommendation: Recommendation,
        paperRule: PaperRule, mapping: String, mappingLeakage: MappingLeakage? = nil, gallery: [GalleryRow],
        warnings: [String], modelMilliseconds: Double?,
        threads: Int
    ) {
        self.model = model
        self.validator = validator
        self.images = images
        self.folderImages = folderImages
        self.skipped = skipped
        self.channelImages = channelImages
        self.trainingImages = trainingImages
        self.testImages = testImages
        self.seed = seed
        self.gates = gates
        self.adversary = adversary
        self.protected = protected
        self.attackerPictures = attackerPictures
        self.budgets = budgets
        self.whiteBox = whiteBox
        self.baselineMean = baselineMean
        self.validatorUnsure = validatorUnsure
        self.cuts = cuts
        self.verdicts = verdicts
        self.recommendation = recommendation
        self.paperRule = paperRule
        self.mapping = mapping
        self.mappingLeakage = mappingLeakage
        self.gallery = gallery
        self.warnings = warnings
        self.modelMilliseconds = modelMilliseconds
        self.threads = threads
    }

    /// How many chosen requests determine the weights of the recommended FrontNet; `nil` for everything inside.
    package var recommendedWeights: WeightRecovery? {
        recommendation.everythingInside ? nil : weights(upTo: recommendation.front, sigma: recommendation.sigma)
    }

    /// The same of the next faster plan.
    package var nextFasterWeights: WeightRecovery? {
        recommendation.nextFaster.flatMap { $0.everythingInside ? nil : weights(upTo: $0.front, sigma: $0.sigma) }
    }

    private func weights(upTo front: String, sigma: NoiseDeviation?) -> WeightRecovery? {
        let weights = cuts.first { $0.name == front }?.weights
        return sigma == nil ? weights : weights?.underNoise
    }

    /// Adds what of the model is public, with a warning where that bears on the recommended FrontNet.
    package mutating func add(_ backbone: BackboneComparison) {
        self.backbone = backbone
        guard !recommendation.everythingInside, let front = cuts.first(where: { $0.name == recommendation.front }),
            let consequence = backbone.depth(of: front.name, nodesInside: front.cut.nodesInside).consequence
        else { return }
        warnings.append(consequence)
    }
}
