// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment
internal import Tensors

/// The recommendation and its reasons, at the top of the report.
struct VerdictSection {
    let result: AssessmentResult

    var html: String {
        let plan = result.recommendation
        let headline =
            plan.everythingInside
            ? "Run everything inside the enclave"
            : "Cut after <code>\(HTML.escape(plan.front))</code>"
        let paper =
            result.paperRule.front.map { "cut after <code>\(HTML.escape($0))</code>" } ?? "keep everything inside"
        let details = plan.details.map { "<li>\(HTML.escape($0))</li>" }.joined()
        let warnings = result.warnings.map { "<li>\(HTML.escape($0))</li>" }.joined()
        return """
            <section class="verdict \(plan.everythingInside ? "inside" : "cut")">
            <p class="label">Recommendation</p><h1>\(headline)</h1>
            <p class="reason">\(HTML.escape(plan.reason))</p>
            \(figures)
            <p class="plan">\(plan.everythingInside
                ? "FrontNet and mapping unit: the whole model · no BackNet"
                : "FrontNet up to <code>\(HTML.escape(plan.front))</code> · BackNet up to <code>\(HTML.escape(plan.mapping))</code> · "
                + "mapping unit after it") · <code>plan.json</code> carries it to <code>infenclave partition</code></p>
            <ul>\(details)\(remedy)\(neighbours)\(weights)</ul>
            </section>
            <div class="pair"><section class="card"><h2>The paper’s rule alone would \(paper)</h2>
            <p>\(HTML.escape(result.paperRule.reason))\(recoveredThere)</p></section>
            <section class="card\(warnings.isEmpty ? "" : " warnings")"><h2>Read with care</h2>\(warnings.isEmpty
                ? "<p>Nothing weakens these numbers beyond what “How this was measured” says.</p>" : "<ul>\(warnings)</ul>")
            </section></div>
            """
    }

    /// The most important numbers of the recommended plan.
    private var figures: String {
        let plan = result.recommendation
        var figures: [(value: String, name: String)] = []
        if let cut = result.cuts.first(where: { $0.name == plan.front }), !plan.everythingInside {
            if let noise = cut.noise, plan.sigma != nil {
                figures.append(
                    (Format.significant(noise.sigma.value), "standard deviation of the noise on what crosses"))
                figures.append((Format.percent(noise.agreement), "of the pictures keep their class under it"))
            }
            let decoder = (plan.sigma == nil ? nil : cut.noise)?.decoder ?? cut.decoder
            figures.append(
                (
                    Format.number(decoder.rSquared),
                    "R² of the best decoder at this cut alone (gate \(result.gates[.rSquared].map(Format.number) ?? "none"))"
                ))
            figures.append(
                identified(plan.sigma == nil ? verdict(of: cut) : cut.noise?.verdict)
                    ?? (
                        Format.percent(decoder.retrievalTopOne),
                        "of the pictures identified among \(decoder.candidates) (chance "
                            + "\(Format.percent(1 / Double(max(1, decoder.candidates)))))"
                    ))
        } else {
            figures.append(("nothing", "crosses to the host but ciphertext"))
        }
        if let option = plan.options.first(where: { $0.isChosen(by: plan) }) {
            if let time = option.latencyMilliseconds {
                let whole = plan.options.first(where: \.everythingInside)?.latencyMilliseconds
                let against = whole.map {
                    option.everythingInside ? "" : " (everything inside: \(Format.number($0)) ms)"
                }
                figures.append(("\(Format.number(time)) ms", "per picture\(against ?? "")"))
            }
            figures.append((Format.bytes(option.enclaveBytes), "of enclave memory"))
        }
        return "<dl class=\"figures\">"
            + figures.map { "<div><dt>\($0.name)</dt><dd>\($0.value)</dd></div>" }.joined() + "</dl>"
    }

    private func verdict(of cut: CutMeasurement) -> GateVerdict? {
        zip(result.cuts, result.verdicts).first { $0.0.name == cut.name }?.1
    }

    /// The share of pictures that the attacker with more identifies; `nil` where that was not measured.
    private func identified(_ verdict: GateVerdict?) -> (value: String, name: String)? {
        guard let check = verdict?.check(of: .identification), let outcome = verdict?.outcome(of: .identity),
            check.outcome != .notEnoughEvidence || result.cuts.contains(where: { $0.evidence != nil })
        else { return nil }
        let isOpen = check.outcome == .notEnoughEvidence
        let words: [GateVerdict.Outcome: String] = [
            .passes: "passes the gates of identity", .fails: "fails the gates of identity",
            .notEnoughEvidence: "not enough evidence",
        ]
        return (
            (isOpen ? "up to " : "") + Format.percent(isOpen ? check.value : check.estimate),
            "of the pictures identified among others by an attacker with \(result.attackerPictures), "
                + "at this cut or deeper (\(words[outcome] ?? ""))"
        )
    }

    /// What the informed adversary recovers at the cut of the paper's rule.
    private var recoveredThere: String {
        guard result.adversary != .paper, let front = result.paperRule.front,
            let cut = result.cuts.first(where: { $0.name == front })
        else { return "" }
        let found =
            identified(verdict(of: cut)).map { "\($0.value) \($0.name)" }
            ?? "top-1 is \(Format.percent(cut.decoder.retrievalTopOne)) among \(cut.decoder.candidates)"
        return " An informed adversary recovers R² \(Format.number(cut.decoder.rSquared)) there; \(found)."
    }

    /// For how small an attacker the evidence suffices, where it does not for the declared one.
    private var remedy: String { EvidenceRemedy(result).map { "<li>\(HTML.escape($0.sentence))</li>" } ?? "" }

    /// The number of chosen requests that determine the weights, for the plan and for the next faster one.
    private var weights: String {
        let plan = result.recommendation
        let own =
            plan.everythingInside ? WeightRecovery.nothingCrosses : result.recommendedWeights.map(\.sentence)
        let faster = result.nextFasterWeights.map { "Under the next faster plan: " + $0.sentence }
        return [own, faster].compactMap(\.self).map { "<li>\(HTML.escape($0))</li>" }.joined()
    }

    private var neighbours: String {
        let plan = result.recommendation
        return [("Next safer plan", plan.nextSafer), ("Next faster plan", plan.nextFaster)].compactMap {
            title, option in
            guard let option else { return nil }
            let place =
                (option.everythingInside ? "everything inside" : "cut after <code>\(HTML.escape(option.front))</code>")
                + (option.sigma.map { " under noise of \(Format.significant($0.value))" } ?? "")
            let time = option.latencyMilliseconds.map { ", \(Format.number($0)) ms per picture" } ?? ""
            return "<li>\(title): \(place), mapping unit after <code>\(HTML.escape(option.mapping))</code>; "
                + "\(option.leakageSummary)\(time), \(Format.bytes(option.enclaveBytes)) of enclave "
                + "memory.</li>"
        }.joined()
    }
}
