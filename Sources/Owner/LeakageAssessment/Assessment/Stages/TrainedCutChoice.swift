/// Which cuts a trained decoder attacks: training is long, and only what bears on the decision needs it.
enum TrainedCutChoice {
    /// - Parameters:
    ///   - measured: With what is known so far.
    ///   - hasMaps: Per cut; the network needs a grid.
    /// - Returns: Ascending indices.
    static func wanted(
        _ choice: AssessmentConfiguration.TrainedCuts,
        _ measured: (cuts: [CutMeasurement], verdicts: [GateVerdict], recommendation: Recommendation), hasMaps: [Bool]
    ) -> [Int] {
        let possible = measured.cuts.indices.filter { hasMaps[$0] }
        switch choice {
        case .none: return []
        case .all: return possible
        case .decision:
            if let front = measured.cuts.firstIndex(where: { $0.name == measured.recommendation.front }),
                !measured.recommendation.everythingInside
            {
                return possible.filter { abs($0 - front) <= 1 }
            }
            // Everything inside: the cut that was nearest to another answer.
            let nearest = possible.min {
                measured.cuts[$0].carefulDetermination < measured.cuts[$1].carefulDetermination
            }
            return nearest.map { [$0] } ?? []
        }
    }
}
