package import ModelGraph
package import Tensors

/// What to assess, with which pictures, how thoroughly.
package struct AssessmentConfiguration: Sendable {
    /// A network and how pictures are prepared for it.
    package struct Network: Sendable {
        package var graph: Graph
        package var preprocessing: Preprocessing
        /// For the report.
        package var name: String
        /// SHA-256 of the model file, 64 lower-case hexadecimal digits.
        package var sha256: String

        package init(graph: Graph, preprocessing: Preprocessing, name: String, sha256: String) {
            self.graph = graph
            self.preprocessing = preprocessing
            self.name = name
            self.sha256 = sha256
        }
    }

    package enum CutSelection: Sendable, Hashable {
        /// Those where one tensor crosses and nothing cheap follows.
        case assessable
        /// Every cut that does not let the picture itself cross.
        case all
        /// These, by name.
        case named([String])
    }

    /// Where a ``TrainedDecoder`` attacks, besides the closed-form ones. Training takes minutes a cut.
    package enum TrainedCuts: String, Sendable, Hashable, CaseIterable {
        case none
        /// The cut that would be recommended, its neighbours and the cut of the next faster plan, until the recommended one
        /// has stood it.
        case decision
        case all
    }

    package var model: Network
    /// The independent classifier that judges IR images; `nil` lets the model judge itself, with a warning.
    package var validator: Network?
    /// A folder of JPEG, PNG and WebP files.
    package var imageFolder: String
    /// Use at most this many pictures, the first by name; `nil` for all.
    package var imageLimit: Int?
    /// Of those, the channel KL takes the first this many by name: 60 bound a failing share of 5 % with 95 % confidence.
    package var channelImageLimit = 60
    /// ... and this many at a cut that fails another gate already: enough to show the paper's measure, which decides nothing
    /// there.
    package var fewChannelImages = 20
    /// ... and the decoders the first this many. Where there are more pictures than both need, a ``PictureSample`` of
    /// them is used.
    package var decoderImageLimit = 300
    package var cuts: CutSelection = .assessable
    package var trainedCuts: TrainedCuts = .decision
    package var training = TrainedDecoder.Options()
    package var bounds = BoundsOptions()
    package var whiteBox = WhiteBoxOptions()
    /// Look for noise on the boundary that brings a cut within the gates.
    package var triesNoise = false
    package var gates: Gates = .standard
    package var adversary: Adversary = .both
    /// What of the pictures has to be protected.
    package var protected = Asset.all
    /// The gates hold against an attacker who learns from so many pictures.
    package var attackerPictures = 100_000
    package var budgets = Budgets()
    /// Attacks of others that count too.
    package var attacks: [OutsideAttack] = []
    package var seed: UInt64 = 1
    /// At least 1.
    package var threads: Int
    /// What pictures and features may take of memory, all together; the rest goes into files. Changes no number.
    package var memoryBytes = ScratchSpace.memoryBytes
    /// Measure the time of FrontNet and BackNet at each cut.
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
