/// The cuts that a trained decoder attacks. Training takes minutes, so only cuts that affect the decision are attacked.
package enum TrainedCutChoice {
    /// Cuts within the gates so far, since only these can be ruled out by a stronger attack: the recommended one, its
    /// neighbours and the next faster plan's. If everything inside is recommended: the shallowest one and the next
    /// faster plan's.
    ///
    /// - Parameters:
    ///   - measured: The results so far.
    ///   - hasMaps: Per cut, whether it has feature maps, which the network needs.
    ///   - followsFaster: Whether to include the next faster plan's cut.
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
