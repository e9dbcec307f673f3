// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment

/// The gates that apply to an adversary, in words.
enum GatesSentence {
    /// Plain text without markup. Includes only gates that ``GateVerdict`` counts.
    static func text(_ result: AssessmentResult) -> String {
        let extent =
            "Each holds at the cut and at every deeper candidate cut, with \(Format.number(Gates.deviations)) standard errors "
            + "against the cut, or Wilson’s bound at as many for shares of pictures."
        let channels = "either " + sentences(of: .paper, result).joined(separator: " or ")
        let decoders = sentences(of: .informed, result).joined(separator: "; ")
        switch result.adversary {
        case .paper: return "\(channels); a cut without IR images does not pass. \(extent)"
        case .informed: return "\(decoders). \(extent)"
        case .both: return "\(decoders); and, where there are IR images, \(channels). \(extent)"
        }
    }

    /// One for each gate of a protected asset. Two metrics may share a gate.
    private static func sentences(of adversary: Adversary, _ result: AssessmentResult) -> [String] {
        var gates: [Gate] = []
        for asset in Asset.allCases where result.protected.contains(asset) || adversary == .paper {
            let metrics = Metric.all.filter { $0.asset == asset && $0.adversary == adversary }
            for metric in metrics where !gates.contains(metric.gate) { gates.append(metric.gate) }
        }
        return gates.compactMap { gate in result.gates[gate].map { gate.sentence($0) } }
    }
}
