/// What the gates say of one cut.
package struct GateVerdict: Sendable, Hashable {
    package enum Outcome: String, Sendable, Hashable, Codable, CaseIterable {
        case passes
        case fails
        /// Neither was shown: the pictures were too few, or no attack learned anything. It counts as not passing.
        case notEnoughEvidence = "not enough evidence"
    }

    /// One gate's answer: the upper bound (the lower one where the value must not be less) over this cut and all deeper
    /// ones, and its limit.
    package struct Check: Sendable, Hashable {
        package let measure: Measure
        package let value: Double
        package let limit: Double
        package let outcome: Outcome
        /// What is expected, where ``value`` bounds an extrapolation; else equal to it.
        package let estimate: Double

        package var passes: Bool { outcome == .passes }

        package init(measure: Measure, value: Double, limit: Double, outcome: Outcome, estimate: Double? = nil) {
            self.measure = measure
            self.value = value
            self.limit = limit
            self.outcome = outcome
            self.estimate = estimate ?? value
        }
    }

    package enum Measure: String, Sendable, Hashable, CaseIterable {
        /// R² + 1.65 deviations, of the decoders with the pictures at hand.
        case rSquared
        /// R² of an attacker with ``AssessmentConfiguration/attackerPictures``.
        case extrapolatedRSquared
        /// SSIM over the mean picture's, + 1.65 standard errors.
        case similarityGain
        /// Share of pictures over the uniform baseline, its lower bound.
        case passFraction
        /// AUC + 1.65 standard errors.
        case areaUnderCurve
        /// Decoder-KL over its null, - 1.65 standard errors.
        case decoderDivergenceRatio
        /// Share of pictures that reconstructions identify, chance being one over their number, its upper bound.
        case retrieval
        /// Share of pictures that a second network's view identifies, for the attacker with more pictures.
        case identification
        /// How much better than guessing the class is named, by the attacker with more pictures.
        case classGain

        package var asset: Asset {
            switch self {
            case .retrieval, .identification: .identity
            // What a classifier still recognises in a reconstruction is its class.
            case .classGain, .decoderDivergenceRatio: .class
            default: .appearance
            }
        }

        fileprivate var isOfChannels: Bool { self == .passFraction || self == .areaUnderCurve }
        fileprivate var isMinimum: Bool { self == .passFraction || self == .decoderDivergenceRatio }
    }

    /// Of all assets, protected or not.
    package let checks: [Check]
    package let adversary: Adversary
    /// Only the gates of these count.
    package let protected: Set<Asset>

    private var counted: [Check] { checks.filter { protected.contains($0.measure.asset) } }
    private var ofDecoders: [Check] { counted.filter { !$0.measure.isOfChannels } }
    private var ofChannels: [Check] { counted.filter(\.measure.isOfChannels) }

    /// Whether all gates of the protected assets pass, and one of the two of the channel KL where there is one. The paper's
    /// adversary has no decoder, and looks at nothing but the picture.
    package var passes: Bool { outcome == .passes }

    package var outcome: Outcome {
        let channels = ofChannels.isEmpty || ofChannels.contains(where: \.passes)
        guard adversary != .paper else { return channels && !ofChannels.isEmpty ? .passes : .fails }
        guard !ofDecoders.isEmpty else { return .notEnoughEvidence }
        if !channels || ofDecoders.contains(where: { $0.outcome == .fails }) { return .fails }
        return ofDecoders.allSatisfy(\.passes) ? .passes : .notEnoughEvidence
    }

    /// Of one asset's gates, protected or not; `nil` where there is none.
    package func outcome(of asset: Asset) -> Outcome? {
        let own = GateVerdict(
            checks: checks.filter { $0.measure.asset == asset }, adversary: adversary, protected: [asset])
        return own.checks.isEmpty ? nil : own.outcome
    }

    /// The checks that decide against the cut: those that fail, or where none does those without enough evidence.
    package var obstacles: [Check] {
        let channelsPass = ofChannels.contains(where: \.passes)
        let relevant = (adversary == .paper ? [] : ofDecoders) + (channelsPass ? [] : ofChannels)
        let failing = relevant.filter { $0.outcome == .fails }
        return failing.isEmpty ? relevant.filter { !$0.passes } : failing
    }

    /// How far the gates that count are used up: the largest of value over limit (limit over value where the value must
    /// not be less), of the two gates of the channel KL the smaller. At most ``worst``.
    package var ratio: Double {
        func ratio(_ check: Check) -> Double {
            let (high, low) = check.measure.isMinimum ? (check.limit, check.value) : (check.value, check.limit)
            return high <= 0 ? 0 : min(Self.worst, low > 0 ? high / low : Self.worst)
        }
        let channels = ofChannels.map(ratio).min()
        let decoders = adversary == .paper ? [] : ofDecoders.map(ratio)
        return (decoders + (channels.map { [$0] } ?? [])).max() ?? Self.worst
    }

    package static let worst = 1000.0

    /// One verdict per cut.
    ///
    /// - Parameters:
    ///   - cuts: Shallowest first.
    ///   - protected: Whose gates count.
    ///   - attackerPictures: That the attacker of the learning curves has.
    ///   - attacks: Of outsiders; they make no verdict better.
    ///   - mapping: What crosses to the mapping unit, whatever the cut; `nil` where it was not measured.
    ///   - pictures: That the shares of `mapping` and of classes were counted over.
    package static func verdicts(
        for cuts: [CutMeasurement], gates: Gates, adversary: Adversary = .both,
        protecting protected: Set<Asset> = Asset.all, attackerPictures: Int = 100_000,
        attacks: [OutsideAttack] = [], mapping: MappingLeakage? = nil, pictures: Int = 0
    ) -> [GateVerdict] {
        let rSquared = Envelope.largestFromHere(cuts.map(\.rSquaredUpperConfidenceBound))
        let gain = Envelope.largestFromHere(cuts.map(\.similarityGainUpperConfidenceBound))
        let passing = Envelope.smallestFromHere(cuts.map(\.passFractionLowerConfidenceBound))
        let area = Envelope.largestFromHere(cuts.map(\.areaUnderCurveUpperConfidenceBound))
        let divergence = Envelope.smallestFromHere(cuts.map(\.divergenceRatioLowerConfidenceBound))
        let retrieval = Envelope.largestFromHere(cuts.map(\.retrievalUpperConfidenceBound))
        var leaks: [[Asset: AssetLeak]] = []
        var deeper: [Asset: AssetLeak] = mapping?.classLeak(pictures: pictures).map { [.class: $0] } ?? [:]
        for cut in cuts.reversed() {
            for asset in Asset.allCases {
                let outside = attacks.filter { $0.result.asset == asset && $0.counts(at: cut.cut) }
                let leak = outside.reduce(
                    cut.leak(of: asset, attackerPictures: attackerPictures, pictures: pictures)
                ) { $0.worse($1.leak) }
                deeper[asset] = deeper[asset].map { leak.worse($0) } ?? leak
            }
            leaks.insert(deeper, at: 0)
        }
        return cuts.indices.map { index in
            var checks: [Check] = []
            func check(_ measure: Measure, _ value: Double?, _ limit: Double, _ passes: (Double, Double) -> Bool) {
                guard let value else { return }
                checks.append(
                    Check(
                        measure: measure, value: value, limit: limit, outcome: passes(value, limit) ? .passes : .fails))
            }
            func check(_ measure: Measure, _ limit: Double) {
                let leak = leaks[index][measure.asset] ?? .unknown
                checks.append(
                    Check(
                        measure: measure, value: leak.upper, limit: limit, outcome: leak.outcome(limit: limit),
                        estimate: leak.estimate))
            }
            check(.rSquared, rSquared[index], gates.maximumRSquared, <=)
            check(.extrapolatedRSquared, gates.maximumRSquared)
            check(.similarityGain, gain[index], gates.maximumSimilarityGain, <=)
            check(.passFraction, passing[index], gates.minimumPassFraction, >=)
            check(.areaUnderCurve, area[index], gates.maximumAreaUnderCurve, <=)
            if let limit = gates.minimumDecoderDivergenceRatio {
                check(.decoderDivergenceRatio, divergence[index], limit, >=)
            }
            if let limit = gates.maximumRetrieval { check(.retrieval, retrieval[index], limit, <=) }
            check(.identification, gates.maximumIdentification)
            check(.classGain, gates.maximumClassGain)
            return GateVerdict(checks: checks, adversary: adversary, protected: protected)
        }
    }
}

extension CutMeasurement {
    /// What an attacker with so many pictures finds; unknown where no curve was measured, as under noise.
    ///
    /// - Parameter pictures: That classes were counted over.
    package func leak(of asset: Asset, attackerPictures: Int, pictures: Int) -> AssetLeak {
        guard let evidence else { return .unknown }
        let curves = evidence.leak(of: asset, pictures: attackerPictures)
        if asset == .appearance {
            // More pictures find no less than the decoders have found already.
            let error = Gates.deviations * decoder.rSquaredError
            return curves.worse(
                AssetLeak(
                    lower: max(0, decoder.rSquared - error), estimate: max(0, decoder.rSquared),
                    upper: min(1, max(0, decoder.rSquared + error))))
        }
        guard asset == .class, let examples = joint?.classLeak(pictures: pictures) else { return curves }
        return evidence.classes?.isEvidence == true ? curves.worse(examples) : examples
    }

    /// R² + 1.65 deviations.
    package var rSquaredUpperConfidenceBound: Double {
        decoder.rSquared + Gates.deviations * decoder.rSquaredError
    }

    /// AUC + 1.65 standard errors; `nil` where the channel KL does not apply.
    package var areaUnderCurveUpperConfidenceBound: Double? {
        channelKL.map { $0.areaUnderCurve + Gates.deviations * $0.areaUnderCurveError }
    }

    /// SSIM over the mean picture's + 1.65 standard errors.
    package var similarityGainUpperConfidenceBound: Double {
        decoder.similarityGain + Gates.deviations * decoder.similarityGainError
    }

    /// The lower bound of the share of pictures above the uniform baseline; `nil` where the channel KL does not apply.
    package var passFractionLowerConfidenceBound: Double? {
        channelKL.map {
            WilsonBound.lower(of: $0.passFraction, count: $0.own.count, deviations: Gates.deviations)
        }
    }

    /// Decoder-KL over its null - 1.65 standard errors; `nil` where it was not measured.
    package var divergenceRatioLowerConfidenceBound: Double? {
        judgement.map { $0.divergence.ratioToNull - Gates.deviations * $0.divergence.ratioError }
    }

    /// The upper bound of the share of test pictures that are identified.
    package var retrievalUpperConfidenceBound: Double {
        WilsonBound.upper(of: decoder.retrievalTopOne, count: decoder.candidates, deviations: Gates.deviations)
    }
}
