// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// All results of an assessment. Rendering them twice gives the same bytes.
package struct AssessmentResult: Sendable {
    /// A network as the report describes it.
    package struct NetworkDescription: Sendable, Hashable {
        package let name: String
        package let sha256: String
        package let classes: Int
        package let parameters: Int
        package let multiplyAdds: Int
        /// Width of its input in pixels.
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
    /// Number of images used.
    package let images: Int
    /// Number of files in the folder, including ``skipped``.
    package let folderImages: Int
    package let skipped: [SkippedPicture]
    /// Number of images for the channel KL, the first of those used.
    package let channelImages: Int
    /// Number of images that the decoders learned from (fitting and validation); the others are test images.
    package let trainingImages: Int
    package let testImages: Int
    package let seed: UInt64
    package let gates: Gates
    package let adversary: Adversary
    /// The protected assets, and the number of training images of the attacker.
    package let protected: Set<Asset>
    package let attackerPictures: Int
    package let budgets: Budgets
    /// Options of the white-box attack, at the cuts that have its scores.
    package let whiteBox: WhiteBoxOptions
    /// Mean of ln C - H(F(x)) over the images of the channel KL, in nats.
    package let baselineMean: Double
    /// Number of images of the channel KL for which the validator's largest probability is below 0.8: their baseline is
    /// near 0, so they pass whatever the cut.
    package let validatorUnsure: Int
    /// Shallowest first.
    package let cuts: [CutMeasurement]
    /// One per cut.
    package let verdicts: [GateVerdict]
    package let recommendation: Recommendation
    package let paperRule: PaperRule
    package let mapping: String
    /// What the host learns about the class from the input of the mapping unit.
    package let mappingLeakage: MappingLeakage?
    package let gallery: [GalleryRow]
    package var warnings: [String]
    /// The comparison with a public backbone; `nil` where there was none.
    package private(set) var backbone: BackboneComparison?
    /// Results of external attacks.
    package var attacks: [OutsideAttack] = []
    /// Latency of the whole model on this machine, if it was measured.
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

    /// The number of chosen requests that determine the weights of the recommended FrontNet; `nil` for everything
    /// inside.
    package var recommendedWeights: WeightRecovery? {
        recommendation.everythingInside ? nil : weights(upTo: recommendation.front, sigma: recommendation.sigma)
    }

    /// The same for the next faster plan.
    package var nextFasterWeights: WeightRecovery? {
        recommendation.nextFaster.flatMap { $0.everythingInside ? nil : weights(upTo: $0.front, sigma: $0.sigma) }
    }

    private func weights(upTo front: String, sigma: NoiseDeviation?) -> WeightRecovery? {
        let weights = cuts.first { $0.name == front }?.weights
        return sigma == nil ? weights : weights?.underNoise
    }

    /// Adds the comparison with a public backbone, with a warning if it concerns the recommended FrontNet.
    package mutating func add(_ backbone: BackboneComparison) {
        self.backbone = backbone
        guard !recommendation.everythingInside, let front = cuts.first(where: { $0.name == recommendation.front }),
            let consequence = backbone.depth(of: front.name, nodesInside: front.cut.nodesInside).consequence
        else { return }
        warnings.append(consequence)
    }
}
