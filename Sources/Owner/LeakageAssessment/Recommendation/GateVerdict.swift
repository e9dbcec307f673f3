/// What the gates say of one cut.
package struct GateVerdict: Sendable, Hashable {
    /// One gate's answer: the careful value over this cut and all deeper ones, and its limit.
    package struct Check: Sendable, Hashable {
        package let measure: Measure
        package let value: Double
        package let limit: Double
        package let passes: Bool
    }

    package enum Measure: String, Sendable, Hashable, CaseIterable {
        /// R² + 1.65 deviations.
        case determination
        /// SSIM over the mean picture's, + 1.65 standard errors.
        case similarityGain
        /// Share of pictures over the uniform baseline, its lower bound.
        case passFraction
        /// AUC + 1.65 standard errors.
        case areaUnderCurve
        /// Decoder-KL over its null, - 1.65 standard errors.
        case decoderDivergenceRatio
        /// Share of pictures that are identified, chance being one over their number, its upper bound.
        case retrieval

        fileprivate var isOfChannels: Bool { self == .passFraction || self == .areaUnderCurve }
        fileprivate var isMinimum: Bool { self == .passFraction || self == .decoderDivergenceRatio }
    }

    package let checks: [Check]
    package let adversary: Adversary

    private var ofDecoders: [Check] { checks.filter { !$0.measure.isOfChannels } }
    private var ofChannels: [Check] { checks.filter(\.measure.isOfChannels) }

    /// Whether all decoder gates pass, and one of the two of the channel KL where there is one. The paper's adversary has
    /// no decoder.
    package var passes: Bool {
        let channels = ofChannels.isEmpty || ofChannels.contains(where: \.passes)
        guard adversary != .paper else { return channels && !ofChannels.isEmpty }
        return !ofDecoders.isEmpty && ofDecoders.allSatisfy(\.passes) && channels
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
    /// - Parameter cuts: Shallowest first.
    package static func verdicts(
        for cuts: [CutMeasurement], gates: Gates, adversary: Adversary = .both
    ) -> [GateVerdict] {
        let determination = Envelope.largestFromHere(cuts.map(\.carefulDetermination))
        let gain = Envelope.largestFromHere(cuts.map(\.carefulSimilarityGain))
        let passing = Envelope.smallestFromHere(cuts.map(\.carefulPassFraction))
        let area = Envelope.largestFromHere(cuts.map(\.carefulAreaUnderCurve))
        let divergence = Envelope.smallestFromHere(cuts.map(\.carefulDivergenceRatio))
        let retrieval = Envelope.largestFromHere(cuts.map(\.carefulRetrieval))
        return cuts.indices.map { index in
            var checks: [Check] = []
            func check(_ measure: Measure, _ value: Double?, _ limit: Double, _ passes: (Double, Double) -> Bool) {
                guard let value else { return }
                checks.append(Check(measure: measure, value: value, limit: limit, passes: passes(value, limit)))
            }
            check(.determination, determination[index], gates.maximumDetermination, <=)
            check(.similarityGain, gain[index], gates.maximumSimilarityGain, <=)
            check(.passFraction, passing[index], gates.minimumPassFraction, >=)
            check(.areaUnderCurve, area[index], gates.maximumAreaUnderCurve, <=)
            if let limit = gates.minimumDecoderDivergenceRatio {
                check(.decoderDivergenceRatio, divergence[index], limit, >=)
            }
            if let limit = gates.maximumRetrieval { check(.retrieval, retrieval[index], limit, <=) }
            return GateVerdict(checks: checks, adversary: adversary)
        }
    }
}

extension CutMeasurement {
    /// R² + 1.65 deviations.
    package var carefulDetermination: Double {
        decoder.determination + Gates.deviations * decoder.determinationDeviation
    }

    /// AUC + 1.65 standard errors; `nil` where the channel KL does not apply.
    package var carefulAreaUnderCurve: Double? {
        channelKL.map { $0.areaUnderCurve + Gates.deviations * $0.areaUnderCurveError }
    }

    /// SSIM over the mean picture's + 1.65 standard errors.
    package var carefulSimilarityGain: Double {
        decoder.similarityGain + Gates.deviations * decoder.similarityGainError
    }

    /// The lower bound of the share of pictures above the uniform baseline; `nil` where the channel KL does not apply.
    package var carefulPassFraction: Double? {
        channelKL.map {
            WilsonBound.lower(of: $0.passFraction, count: $0.own.count, deviations: Gates.deviations)
        }
    }

    /// Decoder-KL over its null - 1.65 standard errors; `nil` where it was not measured.
    package var carefulDivergenceRatio: Double? {
        judgement.map { $0.divergence.ratioToNull - Gates.deviations * $0.divergence.ratioError }
    }

    /// The upper bound of the share of test pictures that are identified.
    package var carefulRetrieval: Double {
        WilsonBound.upper(of: decoder.retrievalTopOne, count: decoder.candidates, deviations: Gates.deviations)
    }
}
