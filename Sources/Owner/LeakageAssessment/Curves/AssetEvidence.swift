/// What was measured at one cut of the three assets, for an attacker with more pictures than there are here.
package struct AssetEvidence: Sendable, Hashable, Codable {
    /// R² of reconstructions: ``GramAttacks/appearance(pictures:)``, and that of the decoders of maps where those are
    /// within the gate. Empty where nothing could be learned.
    package let appearance: [LearningCurve]
    /// The share found by a second network's view, and by its view of cropped, mirrored and recoloured versions.
    package let identity: [LearningCurve]
    /// Among so many candidates.
    package let candidates: Int
    /// How much better than guessing the class is named: ``GramAttacks/classes(_:)``.
    package let classes: LearningCurve?
    /// R² of the reconstructions averaged over the whole picture (tint) and over 4x4 areas (layout).
    package let tint: Double?
    package let layout: Double?

    package init(
        appearance: [LearningCurve], identity: [LearningCurve], candidates: Int, classes: LearningCurve?, tint: Double?,
        layout: Double?
    ) {
        self.appearance = appearance
        self.identity = identity
        self.candidates = candidates
        self.classes = classes
        self.tint = tint
        self.layout = layout
    }
}

/// What an attacker finds of an asset at one cut: 0 for nothing, 1 for everything.
package struct AssetLeak: Sendable, Hashable {
    /// Shown already, with the pictures at hand.
    package var lower: Double
    /// Expected with the attacker's pictures.
    package var estimate: Double
    /// Not excluded; 1 where there is no evidence.
    package var upper: Double

    package init(lower: Double, estimate: Double, upper: Double) {
        self.lower = lower
        self.estimate = estimate
        self.upper = upper
    }

    /// Nothing was learned.
    package static let unknown = AssetLeak(lower: 0, estimate: 0, upper: 1)

    init(_ curve: LearningCurve, pictures: Int) {
        let extrapolation = curve.extrapolated(to: pictures)
        self.init(lower: extrapolation.lower, estimate: extrapolation.estimate, upper: extrapolation.upper)
    }

    /// The worse of both in each respect: of two attacks, or of a cut and a deeper one, whose values follow from it.
    package func worse(_ other: AssetLeak) -> AssetLeak {
        AssetLeak(
            lower: max(lower, other.lower), estimate: max(estimate, other.estimate), upper: max(upper, other.upper))
    }

    /// What a gate says: it fails what is expected or shown to exceed it, and passes what is shown to stay within it.
    func outcome(limit: Double) -> GateVerdict.Outcome {
        lower > limit || estimate > limit ? .fails : upper <= limit ? .passes : .notEnoughEvidence
    }

    /// The worst of several; ``unknown`` for none. An attack that failed does not excuse one that did not.
    static func worst(of leaks: [AssetLeak]) -> AssetLeak {
        leaks.dropFirst().reduce(leaks.first ?? .unknown) { $0.worse($1) }
    }
}

extension AssetEvidence {
    /// - Parameter pictures: Of the attacker.
    package func leak(of asset: Asset, pictures: Int) -> AssetLeak {
        let curves =
            switch asset {
            case .appearance: appearance
            case .identity: identity
            case .class: classes.map { [$0] } ?? []
            }
        // Where one attack is evidence, one that failed adds nothing.
        let informative = curves.filter(\.isEvidence)
        return AssetLeak.worst(
            of: (informative.isEmpty ? curves : informative).map { AssetLeak($0, pictures: pictures) })
    }
}

extension JointLeakage {
    /// How much better than guessing the class is named from one example of each, or from five; `nil` where it was not
    /// measured.
    ///
    /// - Parameter pictures: That were classified.
    package func classLeak(pictures: Int) -> AssetLeak? {
        [
            oneShot.flatMap { AssetLeak(share: $0, guess: chance, count: pictures) },
            fiveShot.flatMap { AssetLeak(share: $0, guess: chance, count: pictures) },
        ]
        .compactMap(\.self).reduce(nil) { $0?.worse($1) ?? $1 }
    }
}

extension MappingLeakage {
    /// The same of what crosses to the mapping unit: the host has it whatever the cut.
    package func classLeak(pictures: Int) -> AssetLeak? {
        [
            readout.flatMap { AssetLeak(share: $0, guess: 0, count: pictures) },
            oneShot.flatMap { AssetLeak(share: $0, guess: chance, count: pictures) },
            probeAccuracy.flatMap { AssetLeak(share: $0, guess: majorityShare, count: pictures) },
        ].compactMap(\.self).reduce(nil) { $0?.worse($1) ?? $1 }
    }
}

extension AssetLeak {
    /// A share of pictures, of which `guess` are right by guessing, scaled so that guessing is 0; `nil` where guessing is
    /// always right.
    fileprivate init?(share: Double, guess: Double?, count: Int) {
        guard let guess, guess < 1 else { return nil }
        func scaled(_ value: Double) -> Double { max(0, (value - guess) / (1 - guess)) }
        self.init(
            lower: scaled(WilsonBound.lower(of: share, count: count, deviations: Gates.deviations)),
            estimate: scaled(share),
            upper: scaled(WilsonBound.upper(of: share, count: count, deviations: Gates.deviations)))
    }
}
