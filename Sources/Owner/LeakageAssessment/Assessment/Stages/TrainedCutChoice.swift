// SPDX-License-Identifier: Apache-2.0
/// The cuts that a trained decoder attacks. Training takes minutes, so only cuts that it can still rule out are attacked.
package enum TrainedCutChoice {
    /// Number of cuts at once. The deepest come first, since a leak there is a leak at every shallower cut.
    private static let together = 2

    /// Cuts that are within the gates so far, all of them or those of appearance: whatever the report calls acceptable
    /// has stood a trained decoder. None for the paper's adversary, who has no decoder.
    ///
    /// - Parameters:
    ///   - verdicts: The verdicts so far, shallowest cut first.
    ///   - hasMaps: Per cut, whether it has feature maps, which the network needs.
    ///   - attacked: The cuts that were attacked already.
    /// - Returns: Ascending indices.
    package static func open(
        _ choice: AssessmentConfiguration.TrainedCuts, _ verdicts: [GateVerdict], hasMaps: [Bool], attacked: Set<Int>
    ) -> [Int] {
        let possible = verdicts.indices.filter { hasMaps[$0] && !attacked.contains($0) }
        switch choice {
        case .none: return []
        case .all: return possible
        case .decision:
            return possible.filter {
                let verdict = verdicts[$0].asAssessed
                return verdict.adversary != .paper && (verdict.passes || verdict.outcome(of: .appearance) == .passes)
            }
        }
    }

    /// The cuts of ``open(_:_:hasMaps:attacked:)`` that are attacked next.
    package static func wanted(
        _ choice: AssessmentConfiguration.TrainedCuts, _ verdicts: [GateVerdict], hasMaps: [Bool], attacked: Set<Int>
    ) -> [Int] {
        let open = open(choice, verdicts, hasMaps: hasMaps, attacked: attacked)
        return choice == .all ? open : open.suffix(together)
    }
}
