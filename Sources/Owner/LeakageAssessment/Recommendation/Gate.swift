// SPDX-License-Identifier: Apache-2.0
/// One limit on the leakage of a cut. ``Gates`` holds a value for each, and a custom gates file names them.
package struct Gate: Sendable {
    /// What it means if a custom gates file does not name this gate.
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
    /// Its demand, in words.
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
    /// For R²: of the decoders with the images at hand, and of an attacker with more.
    package static let rSquared = Gate("maximumR2", standard: 0.15, strict: 0.10, whenOmitted: .refused) {
        "R² ≤ \(Format.number($0))"
    }
    /// The gate of the best decoder's SSIM gain over the mean image.
    package static let similarityGain = Gate("maximumSSIMGain", standard: 0.05, strict: 0.02, whenOmitted: .refused) {
        "SSIM over the mean picture ≤ \(Format.number($0))"
    }
    /// Least share of images whose channel KL is above the uniform baseline. No sample can show a share of 1; 60 of 60
    /// images show 0.95.
    package static let passFraction = Gate(
        "minimumKLPassFraction", standard: 0.95, strict: 0.95, whenOmitted: .refused
    ) { "at least \(Format.percent($0)) of the pictures above the uniform baseline" }
    /// Alternative to ``passFraction``, because the minimum over hundreds of channels falls below that baseline by
    /// chance: the AUC against the shuffled null.
    package static let areaUnderCurve = Gate("maximumKLAUC", standard: 0.65, strict: 0.60, whenOmitted: .refused) {
        "AUC ≤ \(Format.number($0))"
    }
    /// Least decoder-KL, matched over mismatched.
    package static let decoderDivergenceRatio = Gate(
        "minimumDecoderKLRatio", standard: 0.8, strict: 0.8, whenOmitted: .unlimited
    ) { "decoder-KL ≥ \(Format.number($0)) of its null" }
    /// For the top-1 retrieval rate of the best decoder's reconstructions among the test images.
    package static let retrieval = Gate("maximumTop1", standard: nil, strict: 0.05, whenOmitted: .unlimited) {
        "at most \(Format.percent($0)) found by reconstruction"
    }
    /// For the share of images that an attacker with ``AssessmentConfiguration/attackerPictures`` identifies among
    /// ``GramAttacks/maximumCandidates`` by a second network's features, or by the reconstruction.
    package static let identification = Gate(
        "maximumIdentified", standard: 0.10, strict: 0.05, whenOmitted: .standard
    ) { "at most \(Format.percent($0)) of the pictures identified among others" }
    /// For that attacker's accuracy beyond guessing of the class: 0 for guessing, 1 for always right.
    package static let classGain = Gate("maximumClassGain", standard: 0.10, strict: 0.05, whenOmitted: .standard) {
        "the class named in at most \(Format.percent($0)) of what guessing misses"
    }

    /// In the order of `assessment.json`.
    package static let all = [
        rSquared, similarityGain, passFraction, areaUnderCurve, decoderDivergenceRatio, retrieval, identification,
        classGain,
    ]
}
