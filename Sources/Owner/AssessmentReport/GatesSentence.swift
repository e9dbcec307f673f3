internal import LeakageAssessment

/// The gates that count against an adversary, in words.
enum GatesSentence {
    /// Plain text without markup. Of the decoders' gates and the channel KL's only those that ``GateVerdict`` counts.
    static func text(_ result: AssessmentResult) -> String {
        let (gates, adversary) = (result.gates, result.adversary)
        let extent =
            "Each holds at the cut and at all deeper ones, with \(Format.number(Gates.deviations)) standard errors "
            + "against the cut, or Wilson’s bound at as many for shares of pictures."
        let channels =
            "either at least \(Format.percent(gates.minimumPassFraction)) of the pictures above the uniform baseline or "
            + "AUC ≤ \(Format.number(gates.maximumAreaUnderCurve))"
        switch adversary {
        case .paper: return "\(channels); a cut without IR images does not pass. \(extent)"
        case .informed: return "\(decoders(result).joined(separator: "; ")). \(extent)"
        case .both:
            return "\(decoders(result).joined(separator: "; ")); and, where there are IR images, \(channels). \(extent)"
        }
    }

    private static func decoders(_ result: AssessmentResult) -> [String] {
        let gates = result.gates
        let appearance = [
            "R² ≤ \(Format.number(gates.maximumRSquared))",
            "SSIM over the mean picture ≤ \(Format.number(gates.maximumSimilarityGain))",
        ]
        let identity = [
            "at most \(Format.percent(gates.maximumIdentification)) of the pictures identified by a second network",
            gates.maximumRetrieval.map { "at most \(Format.percent($0)) found by reconstruction" },
        ].compactMap(\.self)
        let classes = [
            "the class named in at most \(Format.percent(gates.maximumClassGain)) of what guessing misses",
            gates.minimumDecoderDivergenceRatio.map { "decoder-KL ≥ \(Format.number($0)) of its null" },
        ].compactMap(\.self)
        return (result.protected.contains(.appearance) ? appearance : [])
            + (result.protected.contains(.identity) ? identity : [])
            + (result.protected.contains(.class) ? classes : [])
    }
}
