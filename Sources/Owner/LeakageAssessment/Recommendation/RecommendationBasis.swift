// SPDX-License-Identifier: Apache-2.0
package import Tensors

extension Recommendation {
    /// The conditions for which the plans were assessed.
    package struct Terms: Sendable, Hashable {
        package let adversary: Adversary
        /// Number of images of the assessment.
        package let pictures: Int
        package let attackerPictures: Int
        /// Whether trained decoders were left out although the adversary could train them.
        package let lacksTraining: Bool
        /// The name of the gates.
        package let gates: String
        package let protected: Set<Asset>
        /// Whether latencies were measured; otherwise the arithmetic inside decides.
        package let isTimed: Bool
        package let budgets: Budgets
    }

    /// The deciding reason. Unless a cut passes and is chosen, everything is inside.
    package enum Basis: Sendable, Hashable {
        /// The plan's cut passes. `rSquared` is that of the best decoder there.
        case cutPasses(rSquared: Double?)
        /// Cuts pass, and none gains enough over everything inside; `rival` is the best of them. Everything inside
        /// takes `insideMilliseconds`, by itself or in the rival's rounds; 0 where it was not timed.
        case cutsGainTooLittle(rival: PlanOption, insideMilliseconds: Double)
        case passingCutsExceedBudget
        /// No assessed cut lies between the input and the mapping unit.
        case noCut
        /// No cut passes; this one would if its ``Obstacles/unassessed`` cuts had been assessed and passed.
        case deeperCutsLacking(Obstacles)
        /// No cut passes for the paper's adversary.
        case channelsReveal
        /// No cut passes; this one shows least of the image.
        case noCutPasses(Obstacles)
    }

    /// A further reason.
    package enum Note: Sendable, Hashable {
        /// Under noise no gate is exceeded at this cut with the images at hand, and near-duplicates undo it.
        case noiseIsUndone(cut: String, NearDuplicates)
        /// Names of the cuts within the gates.
        case cutsWithinGates([String])
        case nextShallowerDoesNotPass(Obstacles)
        case deepestDoesNotPass(Obstacles)
        /// What the chosen plan leaves outside.
        case exposes(PlanOption)
        case exceedsBudget(PlanOption, Budgets.Excess)
        /// Everything inside is no choice, so a cut within the gates is recommended however little it gains.
        case insideExceedsBudget(Budgets.Excess)
    }

    /// R² of the decoders at a cut: under noise, for an attacker who averages near-duplicates, and without noise.
    package struct NearDuplicates: Sendable, Hashable {
        package let sigma: NoiseDeviation
        /// One for each number of near-duplicates; empty where they were not tried.
        package let repeated: [NoiseMeasurement.Copies]
        package let withoutNoise: Double
    }

    /// Why a cut does not pass.
    package struct Obstacles: Sendable, Hashable {
        /// The name of the cut.
        package let cut: String
        package let outcome: GateVerdict.Outcome
        /// The two worst checks: of two assets, if two do not pass.
        package let checks: [GateVerdict.Check]
        /// Names of the deeper candidate cuts that were not assessed, where nothing else decides against the cut.
        package let unassessed: [String]
        /// Number of pictures among which one is identified; `nil` where it is unknown.
        package let candidates: Int?

        init(_ cut: CutMeasurement, _ verdict: GateVerdict, candidates: Int?) {
            self.cut = cut.name
            outcome = verdict.outcome
            checks = Array(verdict.worstFirst.prefix(2))
            unassessed = verdict.asAssessed.passes ? verdict.unassessed : []
            self.candidates = candidates
        }
    }
}
