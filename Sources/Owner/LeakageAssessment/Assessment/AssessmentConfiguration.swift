// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
package import Tensors

/// The options of an assessment: model, images, attacks, gates and budgets.
package struct AssessmentConfiguration: Sendable {
    /// A network and its preprocessing.
    package struct Network: Sendable {
        package var graph: Graph
        package var preprocessing: Preprocessing
        /// The name in the report.
        package var name: String
        /// SHA-256 of the model file, 64 lower-case hexadecimal digits.
        package var sha256: String
        /// What the model's output is. The graph itself decides whether softmax is applied: ``Graph/reading(_:)``.
        package var scores: ScoreKind

        /// - Parameter scores: By default, what bounds of the last layers show.
        package init(
            graph: Graph, preprocessing: Preprocessing, name: String, sha256: String, scores: ScoreKind? = nil
        ) {
            self.scores = scores ?? graph.scoreKind
            self.graph = graph
            self.preprocessing = preprocessing
            self.name = name
            self.sha256 = sha256
        }
    }

    package enum CutSelection: Sendable, Hashable {
        /// Cuts where one tensor crosses and which no cheap operator follows (``Graph/assessableCuts``).
        case assessable
        /// Every cut at which the input itself does not cross.
        case all
        /// The cuts of these names.
        case named([String])
    }

    /// At which cuts a ``TrainedDecoder`` attacks, besides the closed-form ones. Training takes minutes per cut.
    package enum TrainedCuts: String, Sendable, Hashable, CaseIterable {
        case none
        /// Every cut that is within the gates, or within those of appearance.
        case decision
        case all
    }

    package var model: Network
    /// The independent classifier that judges IR images; `nil` lets the model judge itself, with a warning.
    package var validator: Network?
    /// A folder of JPEG, PNG and WebP files.
    package var imageFolder: String
    /// Use only the first so many images by name; `nil` for all.
    package var imageLimit: Int?
    /// Images for the channel KL, a ``PictureSample`` of those in use. 60 without a failure bound the failing share at 5
    /// % with 95 % confidence.
    package var channelImageLimit = 60
    /// Images for the channel KL at a cut that already fails another gate: enough to show the paper's measure, which
    /// decides nothing there.
    package var fewChannelImages = 10
    /// Images for the decoders, the first of those in use. From a folder with more images than both need, a
    /// ``PictureSample`` is drawn.
    package var decoderImageLimit = 300
    package var cuts: CutSelection = .assessable
    package var trainedCuts: TrainedCuts = .decision
    /// Whether a later run makes the expensive attacks. Otherwise a cut that a trained decoder should have attacked does
    /// not pass without one.
    package var precedesCostlyAttacks = false
    package var training = TrainedDecoder.Options()
    package var bounds = BoundsOptions()
    package var whiteBox = WhiteBoxOptions()
    /// Whether to search for noise on the boundary that brings a cut within the gates.
    package var triesNoise = false
    package var gates: Gates = .standard
    package var adversary: Adversary = .both
    /// The assets that have to be protected.
    package var protected = Asset.all
    /// The number of training images of the attacker that the gates are judged for.
    package var attackerPictures = 100_000
    package var budgets = Budgets()
    /// Results of external attacks to include.
    package var attacks: [OutsideAttack] = []
    package var seed: UInt64 = 1
    /// The number of threads; at least 1.
    package var threads: Int
    /// Memory for images and features together, in bytes; the rest is stored in files. Does not affect results.
    package var memoryBytes = ScratchSpace.memoryBytes
    /// Whether to measure the latency of FrontNet and BackNet at each cut.
    package var measuresTime = true

    package init(
        model: Network, validator: Network?, imageFolder: String, imageLimit: Int? = nil, threads: Int
    ) {
        self.model = model
        self.validator = validator
        self.imageFolder = imageFolder
        self.imageLimit = imageLimit
        self.threads = threads
    }
}
