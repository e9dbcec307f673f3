// SPDX-License-Identifier: Apache-2.0
package import LeakageAssessment
internal import Tensors

/// The recommendation in words, as report, terminal, `assessment.json` and `plan.json` have it.
extension Recommendation {
    /// The rule of the choice.
    package var rule: String {
        let attackers =
            switch terms.adversary {
            case .paper: "paper's adversary"
            case .informed: "informed adversary"
            case .both: "both adversaries"
            }
        let budgets = terms.budgets
        return "\(attackers) with \(terms.attackerPictures) pictures"
            + "\(terms.lacksTraining ? " and no trained decoder" : ""), gates '\(terms.gates)' of \(assets): "
            + (terms.isTimed
                ? "the fastest plan (times of this machine, the enclave's times "
                    + "\(Format.number(budgets.enclaveFactor)); within "
                    + "\(Format.percent(PlanChoice.latencyTolerance)) the one that leaks less)"
                : "the cheapest cut (multiply-adds inside, then bytes that cross)")
            + " within every gate at this and every deeper candidate cut"
            + (budgets.enclaveBytes.map { ", at most \(Format.bytes($0)) of enclave memory" } ?? "")
            + (budgets.latencyMilliseconds.map { ", at most \(Format.number($0)) ms per picture" } ?? "")
    }

    /// The reason for this plan, in one or two sentences.
    package var reason: String {
        switch basis {
        case .cutPasses(let rSquared): passing(rSquared)
        case .cutsGainTooLittle(let rival, let milliseconds): tooLittle(rival, milliseconds)
        case .passingCutsExceedBudget:
            "No cut within the gates is within the budget, so everything runs inside the enclave."
        case .noCut:
            "No assessed cut lies between the input and the mapping unit, so everything runs inside the enclave."
        case .deeperCutsLacking(let obstacles): "Everything runs inside the enclave. " + obstacles.sentence
        case .channelsReveal:
            "At every assessed cut an IR image resembles its picture more than the gates allow, so everything runs inside the "
                + "enclave."
        case .noCutPasses(let obstacles):
            "Everything runs inside the enclave: no assessed cut is shown to protect "
                + "\(terms.protected.count > 1 ? "all of " : "")\(assets) from an attacker with "
                + "\(terms.attackerPictures) pictures. At the cut that shows least of the picture, "
                + obstacles.sentence
        }
    }

    /// Further reasons, one or two sentences each.
    package var details: [String] { notes.map(\.sentence) }

    private var assets: String { Asset.sentence(terms.protected) }

    private func passing(_ rSquared: Double?) -> String {
        let rest = ", and no \(terms.isTimed ? "faster plan" : "cheaper cut") holds."
        if terms.adversary == .paper, let rSquared {
            return
                "At '\(front)' and every deeper candidate cut no IR image resembles its picture more than the gates allow\(rest) "
                + "Decoders, which use all channels together, do not count for the paper's adversary; the best "
                + "one reaches R² \(Format.number(rSquared)) there."
        }
        let training = terms.lacksTraining ? " (no decoder was trained)" : ""
        return "No tested attack with \(terms.pictures) pictures\(training), nor what its learning curve says of one "
            + "with \(terms.attackerPictures), exceeded a gate of \(assets) after '\(front)' or a deeper candidate cut\(rest)"
    }

    private func tooLittle(_ rival: PlanOption, _ milliseconds: Double) -> String {
        let time = terms.isTimed ? "\(Format.number(milliseconds)) ms" : "all of the arithmetic"
        let other =
            terms.isTimed
            ? "\(Format.number(rival.latencyMilliseconds ?? 0)) ms"
            : "\(Format.percent(rival.cost.shareInside)) of it inside"
        return "Everything inside takes \(time) per picture, and no cut within the gates gains enough to let "
            + "anything leave ('\(rival.front)': \(other); a cut has to save "
            + "\(Format.percent(PlanChoice.latencyTolerance)), more than timings vary, and move "
            + "\(Format.percent(PlanChoice.leastShareOutside)) of the arithmetic out)."
    }
}

extension Recommendation.Obstacles {
    fileprivate var sentence: String {
        guard unassessed.isEmpty else { return Warnings.leftOut(after: cut, unassessed) }
        return "'\(cut)', or deeper: "
            + checks.map { $0.metric.sentence($0, among: candidates) }.joined(separator: "; ")
            + "."
    }
}

extension Recommendation.NearDuplicates {
    /// What averaging finds, with a space before it; empty where it was not tried.
    fileprivate var sentence: String {
        guard let one = repeated.first, let many = repeated.first(where: { $0.count == 16 }) else { return "" }
        return " The decoders reach R² \(Format.number(one.rSquared)) with one of them, "
            + "\(Format.number(many.rSquared)) with the mean of \(many.count), and "
            + "\(Format.number(withoutNoise)) without noise."
    }
}

extension Recommendation.Note {
    package var sentence: String {
        switch self {
        case .noiseIsUndone(let cut, let found):
            "Under noise of deviation \(Format.significant(found.sigma.value)) the decoders stay within the gates at "
                + "'\(cut)', but noise is not recommended: the enclave derives it from the input, so that repeats of a "
                + "picture reveal nothing more, but pictures that differ by one step in one pixel have independent "
                + "noise and nearly the same features." + found.sentence
        case .cutsWithinGates(let names):
            "Cuts within the gates: " + names.map { "'\($0)'" }.joined(separator: ", ") + "."
        case .nextShallowerDoesNotPass(let obstacles):
            "The next shallower cut does not pass: " + obstacles.sentence
        case .deepestDoesNotPass(let obstacles): "The deepest cut does not pass: " + obstacles.sentence
        case .exposes(let plan):
            "Inside the enclave: \(Format.percent(plan.cost.shareInside)) of the arithmetic; "
                + "\(Format.bytes(plan.cost.boundaryBytes)) cross per picture."
        case .exceedsBudget(let plan, let excess):
            plan.everythingInside
                ? "Everything inside \(excess.sentence): no plan keeps both the gates and the budget."
                : "'\(plan.front)' is within the gates but \(excess.sentence)."
        case .insideExceedsBudget(let excess):
            "Everything inside \(excess.sentence), so a cut is recommended however little it saves: the rule that it "
                + "has to save \(Format.percent(PlanChoice.latencyTolerance)) and to move "
                + "\(Format.percent(PlanChoice.leastShareOutside)) of the arithmetic out does not apply."
        }
    }
}

extension Budgets.Excess {
    /// A predicate of the plan.
    package var sentence: String {
        switch self {
        case .memory(let needed, let allowed):
            "needs \(Format.bytes(needed)) of enclave memory (allowed \(Format.bytes(allowed)))"
        case .latency(let needed, let allowed):
            "takes \(Format.number(needed)) ms per picture (allowed \(Format.number(allowed)))"
        }
    }
}

extension PaperRule {
    /// The reason for the recommendation, in one or two sentences.
    package var reason: String {
        switch basis {
        case .notMeasured: "The channel KL was not measured at every cut, so the rule says nothing."
        case .noChannels: "No cut has an IR image, so the rule says nothing."
        case .stays(let least, let baseline):
            "At every assessed cut from '\(front ?? "")' on, the mean KL stays at or above \(Format.number(least)), the uniform "
                + "baseline being \(Format.number(baseline))."
        case .falls(let deepest, let baseline):
            "At no assessed cut does the mean KL stay above the uniform baseline of \(Format.number(baseline)); at the "
                + "deepest with an IR image it is \(Format.number(deepest)). The rule would keep everything inside."
        }
    }
}
