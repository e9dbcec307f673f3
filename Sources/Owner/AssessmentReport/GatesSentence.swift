internal import LeakageAssessment

/// The gates that count against an adversary, in words.
enum GatesSentence {
    /// Plain text without markup. Of the decoders' gates and the channel KL's only those that ``GateVerdict`` counts.
    static func text(_ gates: Gates, against adversary: Adversary) -> String {
        let extent =
            "Each holds at the cut and at all deeper ones, with \(Format.number(Gates.deviations)) standard errors on the "
            + "careful side, or Wilson’s bound at as many for shares of pictures."
        let channels =
            "either at least \(Format.percent(gates.minimumPassFraction)) of the pictures above the uniform baseline or "
            + "AUC ≤ \(Format.number(gates.maximumAreaUnderCurve))"
        switch adversary {
        case .paper: return "\(channels); a cut without IR images does not pass. \(extent)"
        case .informed: return "\(decoders(gates).joined(separator: "; ")). \(extent)"
        case .both:
            return "\(decoders(gates).joined(separator: "; ")); and, where there are IR images, \(channels). \(extent)"
        }
    }

    private static func decoders(_ gates: Gates) -> [String] {
        [
            "R² ≤ \(Format.number(gates.maximumDetermination))",
            "SSIM over the mean picture ≤ \(Format.number(gates.maximumSimilarityGain))",
        ]
            + [
                gates.minimumDecoderDivergenceRatio.map { "decoder-KL ≥ \(Format.number($0)) of its null" },
                gates.maximumRetrieval.map { "at most \(Format.percent($0)) of the pictures found" },
            ].compactMap(\.self)
    }
}
