/// Which cuts a trained decoder attacks: training is long, and only what bears on the decision needs it.
package enum TrainedCutChoice {
    /// Of the cuts within the gates so far, which alone a stronger attack can rule out: the recommended one, its neighbours
    /// and the next faster plan's; the shallowest one, and the next faster plan's, where everything is to be inside.
    ///
    /// - Parameters:
    ///   - measured: With what is known so far.
    ///   - hasMaps: Per cut; the network needs a grid.
    ///   - followsFaster: Whether the next faster plan's cut is wanted.
    /// - Returns: Ascending indices.
    package static func wanted(
        _ choice: AssessmentConfiguration.TrainedCuts,
        _ measured: (cuts: [CutMeasurement], verdicts: [GateVerdict], recommendation: Recommendation), hasMaps: [Bool],
        followsFaster: Bool = true
    ) -> [Int] {
        let possible = measured.cuts.indices.filter { hasMaps[$0] }
        switch choice {
        case .none: return []
        case .all: return possible
        case .decision:
            let plan = measured.recommendation
            let passing = possible.filter { measured.verdicts[$0].passes }
            let faster = measured.cuts.firstIndex { followsFaster && $0.name == plan.nextFaster?.front }
            if let front = measured.cuts.firstIndex(where: { $0.name == plan.front }), !plan.everythingInside {
                return passing.filter { abs($0 - front) <= 1 || $0 == faster }
            }
            return passing.filter { $0 == passing.first || $0 == faster }
        }
    }
}
