// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
package import Tensors

/// All results of an assessment. Rendering them twice gives the same bytes.
@dynamicMemberLookup
package struct AssessmentResult: Sendable {
    /// A network as the report describes it.
    package struct NetworkDescription: Sendable, Hashable {
        package let name: String
        /// SHA-256 of the file, 64 hexadecimal digits.
        package let sha256: String
        /// SHA-256 of the graph's canonical encoding without its name, 64 hexadecimal digits. Options such as `--output`
        /// and `--shape` change the graph of the same file.
        package let graphSHA256: String
        /// The name of the graph's output.
        package let output: String
        package let scores: ScoreKind
        package let preprocessing: Preprocessing
        package let classes: Int
        package let parameters: Int
        package let multiplyAdds: Int
        /// Width of its input in pixels.
        package var width: Int { preprocessing.width }
        package var height: Int { preprocessing.height }

        package init(
            name: String, sha256: String, graphSHA256: String, output: String, scores: ScoreKind,
            preprocessing: Preprocessing, classes: Int, parameters: Int, multiplyAdds: Int
        ) {
            self.name = name
            self.sha256 = sha256
            self.graphSHA256 = graphSHA256
            self.output = output
            self.scores = scores
            self.preprocessing = preprocessing
            self.classes = classes
            self.parameters = parameters
            self.multiplyAdds = multiplyAdds
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
    package let sample: Sample
    package let question: Question
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
    /// The stages that a deadline ended: ``Assessor/run(work:merging:cancellation:progress:forecast:costlyDeadline:)``.
    package var unfinished: [AssessmentProgress.Stage] = []
    /// Latency of the whole model on this machine, if it was measured.
    package let modelMilliseconds: Double?

    package init(
        model: NetworkDescription, validator: NetworkDescription?, sample: Sample, question: Question,
        cuts: [CutMeasurement], verdicts: [GateVerdict], recommendation: Recommendation, paperRule: PaperRule,
        mapping: String, mappingLeakage: MappingLeakage? = nil, gallery: [GalleryRow], warnings: [String],
        modelMilliseconds: Double?
    ) {
        self.model = model
        self.validator = validator
        self.sample = sample
        self.question = question
        self.cuts = cuts
        self.verdicts = verdicts
        self.recommendation = recommendation
        self.paperRule = paperRule
        self.mapping = mapping
        self.mappingLeakage = mappingLeakage
        self.gallery = gallery
        self.warnings = warnings
        self.modelMilliseconds = modelMilliseconds
    }

    /// The members of ``sample``: `result.images` is `result.sample.images`.
    package subscript<Member>(dynamicMember member: KeyPath<Sample, Member>) -> Member { sample[keyPath: member] }

    /// The members of ``question``: `result.gates` is `result.question.gates`.
    package subscript<Member>(dynamicMember member: KeyPath<Question, Member>) -> Member { question[keyPath: member] }

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
