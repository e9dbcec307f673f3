// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment

/// The results of external attacks, if there are any.
struct AttackSection {
    let result: AssessmentResult

    var html: String {
        guard !result.attacks.isEmpty else { return "" }
        return """
            <section id="attacks"><h2>Attacks of others</h2>
            <p>Each counts for its cut and all shallower ones, and makes no verdict better. The numbers are what whoever made the \
            attack says; nothing here was computed again. The verdict in this table is of the attack alone, at value ± 1.65 \
            errors. An attack that failed, or learned from fewer pictures than the attacker has, is no evidence for a pass.</p>
            <div class="wide" tabindex="0" role="region" aria-label="Attacks of others"><table class="numbers"><thead><tr>\
            <th scope="col">attack</th><th scope="col">cut</th><th scope="col">asset</th><th scope="col">found</th>\
            <th scope="col">gate</th><th scope="col">learned from</th><th scope="col">tested on</th><th scope="col">verdict</th>\
            </tr></thead><tbody>\(result.attacks.map(row).joined())</tbody></table></div></section>
            """
    }

    private func row(_ attack: OutsideAttack) -> String {
        let (found, verdict) = (attack.result, attack.verdict(result.gates, attackerPictures: result.attackerPictures))
        let isGood = verdict.outcome == .passes
        return "<tr><th scope=\"row\">\(HTML.escape(attack.name)) <small>\(HTML.escape(found.summary))</small></th>"
            + "<td><code>\(HTML.escape(found.cut))</code></td><td>\(found.asset.rawValue)</td>"
            + "<td>\(Format.number(found.value)) <small>± \(Format.number(found.error))</small></td>"
            + "<td>≤ \(Format.number(verdict.limit))</td><td>\(found.trainingPictures)</td>"
            + "<td>\(found.testPictures)</td><td class=\"\(isGood ? "good" : "bad")\">\(verdict.outcome.rawValue)</td></tr>"
    }
}
