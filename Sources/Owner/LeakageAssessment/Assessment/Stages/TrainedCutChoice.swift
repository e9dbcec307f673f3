/// Which cuts a trained decoder attacks: training is long, and only what bears on the decision needs it.
package enum TrainedCutChoice {
    /// The recommended cut and its neighbours; the map cut that leaks least where everything is to be inside; and in either
    /// case the cut of the next faster plan, which a reader is tempted to take instead.
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
            let faster = measured.cuts.firstIndex { followsFaster && $0.name == plan.nextFaster?.front }
            if let front = measured.cuts.firstIndex(where: { $0.name == plan.front }), !plan.everythingInside {
                return possible.filter { abs($0 - front) <= 1 || $0 == faster }
            }
            // Everything inside: the cut that was nearest to another answer.
            let nearest = possible.min {
                measured.cuts[$0].carefulDetermination < measured.cuts[$1].carefulDetermination
            }
            return possible.filter { $0 == nearest || $0 == faster }
        }
    }
}
