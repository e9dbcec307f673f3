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
        /// SSIM over the mean picture's.
        case similarityGain
        /// Share of pictures over the uniform baseline.
        case passFraction
        /// AUC + 1.65 standard errors.
        case areaUnderCurve
    }

    package let checks: [Check]

    /// Whether both decoder gates pass, and one of the two of the channel KL where there is one.
    package var passes: Bool {
        let decoders = checks.filter { [.determination, .similarityGain].contains($0.measure) }
        let channels = checks.filter { [.passFraction, .areaUnderCurve].contains($0.measure) }
        return !decoders.isEmpty && decoders.allSatisfy(\.passes)
            && (channels.isEmpty || channels.contains(where: \.passes))
    }

    /// One verdict per cut.
    ///
    /// - Parameter cuts: Shallowest first.
    package static func verdicts(for cuts: [CutMeasurement], gates: Gates) -> [GateVerdict] {
        let determination = Envelope.largestFromHere(cuts.map(\.carefulDetermination))
        let gain = Envelope.largestFromHere(cuts.map(\.decoder.similarityGain))
        let passing = Envelope.smallestFromHere(cuts.map { $0.channelKL?.passFraction })
        let area = Envelope.largestFromHere(cuts.map(\.carefulAreaUnderCurve))
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
            return GateVerdict(checks: checks)
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
        channelKL.map { channelKL in
            let count = channelKL.own.count
            return channelKL.areaUnderCurve
                + Gates.deviations * AreaUnderCurve.standardError(positives: count, negatives: count)
        }
    }
}
