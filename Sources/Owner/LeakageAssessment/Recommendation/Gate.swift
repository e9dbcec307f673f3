/// One limit on what a cut may lose. ``Gates`` holds a value for each, and a file of an owner's own names them.
package struct Gate: Sendable {
    /// What a file of gates that does not name this one means.
    package enum Omission: Sendable {
        /// The file is refused.
        case refused
        /// The limit of ``Gates/standard``.
        case standard
        /// No limit.
        case unlimited
    }

    /// The member of a gates file and of `assessment.json`.
    package let name: String
    /// The limits of ``Gates/standard`` and ``Gates/strict``; `nil` for none.
    let standard: Double?
    let strict: Double?
    package let omission: Omission
    /// What it demands, for people.
    package let sentence: @Sendable (Double) -> String

    init(
        _ name: String, standard: Double?, strict: Double?, whenOmitted omission: Omission,
        sentence: @escaping @Sendable (Double) -> String
    ) {
        self.name = name
        self.standard = standard
        self.strict = strict
        self.omission = omission
        self.sentence = sentence
    }
}

extension Gate: Hashable {
    package static func == (a: Gate, b: Gate) -> Bool { a.name == b.name }
    package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// - Source: design notes, sections 5 and 6.
extension Gate {
    /// Of R²: of the decoders with the pictures at hand, and of an attacker with more.
    package static let rSquared = Gate("maximumR2", standard: 0.15, strict: 0.10, whenOmitted: .refused) {
        "R² ≤ \(Format.number($0))"
    }
    /// Of the best decoder's SSIM over that of the mean picture.
    package static let similarityGain = Gate("maximumSSIMGain", standard: 0.05, strict: 0.02, whenOmitted: .refused) {
        "SSIM over the mean picture ≤ \(Format.number($0))"
    }
    /// Least share of pictures whose channel KL is above the uniform baseline. No number of pictures shows that it is 1:
    /// the notes' 60 of 60 show 0.95.
    package static let passFraction = Gate(
        "minimumKLPassFraction", standard: 0.95, strict: 0.95, whenOmitted: .refused
    ) { "at least \(Format.percent($0)) of the pictures above the uniform baseline" }
    /// Instead of ``passFraction``, because the minimum over hundreds of channels falls below that baseline by chance: the
    /// area under the curve against the shuffled null.
    package static let areaUnderCurve = Gate("maximumKLAUC", standard: 0.65, strict: 0.60, whenOmitted: .refused) {
        "AUC ≤ \(Format.number($0))"
    }
    /// Least decoder-KL over its shuffled null.
    package static let decoderDivergenceRatio = Gate(
        "minimumDecoderKLRatio", standard: 0.8, strict: 0.8, whenOmitted: .unlimited
    ) { "decoder-KL ≥ \(Format.number($0)) of its null" }
    /// Of the share of pictures that the best decoder's reconstructions identify among the test pictures.
    package static let retrieval = Gate("maximumTop1", standard: nil, strict: 0.05, whenOmitted: .unlimited) {
        "at most \(Format.percent($0)) found by reconstruction"
    }
    /// Of the share of pictures that an attacker with ``AssessmentConfiguration/attackerPictures`` finds among
    /// ``GramAttacks/maximumCandidates`` by a second network's view of them.
    package static let identification = Gate(
        "maximumIdentified", standard: 0.10, strict: 0.05, whenOmitted: .standard
    ) { "at most \(Format.percent($0)) of the pictures identified by a second network" }
    /// Of how much better than guessing that attacker names the class: 0 for guessing, 1 for always.
    package static let classGain = Gate("maximumClassGain", standard: 0.10, strict: 0.05, whenOmitted: .standard) {
        "the class named in at most \(Format.percent($0)) of what guessing misses"
    }

    /// In the order of `assessment.json`.
    package static let all = [
        rSquared, similarityGain, passFraction, areaUnderCurve, decoderDivergenceRatio, retrieval, identification,
        classGain,
    ]
}
