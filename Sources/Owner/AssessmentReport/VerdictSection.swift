internal import LeakageAssessment

/// What to do, and why, before anything else.
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
            \(details.isEmpty ? "" : "<ul>\(details)</ul>")
            \(neighbours.isEmpty ? "" : "<ul>\(neighbours)</ul>")
            <p class="plan">FrontNet up to <code>\(HTML.escape(plan.front))</code> · mapping unit after \
            <code>\(HTML.escape(plan.mapping))</code>\(plan.everythingInside ? " · empty BackNet" : "")</p>
            </section>
            <div class="pair"><section class="card"><h3>The paper's rule alone would \(paper)</h3>
            <p>\(HTML.escape(result.paperRule.reason))</p></section>
            <section class="card"><h3>Two adversaries</h3><p><b>Paper</b>: the FrontNet is secret and cannot be queried; one
            channel at a time is shown to a validator. <b>Informed</b>: knows or imitates the FrontNet, and decodes all channels
            together. The recommendation follows the informed one.</p></section></div>
            \(warnings.isEmpty ? "" : "<section class=\"card warnings\"><h3>Read with care</h3><ul>\(warnings)</ul></section>")
            """
    }

    private var neighbours: String {
        let plan = result.recommendation
        return [("Next safer plan", plan.nextSafer), ("Next faster plan", plan.nextFaster)].compactMap {
            title, option in
            guard let option else { return nil }
            let place =
                option.everythingInside ? "everything inside" : "cut after <code>\(HTML.escape(option.front))</code>"
            let time = option.latencyMilliseconds.map { ", \(Format.number($0)) ms per picture" } ?? ""
            return "<li>\(title): \(place), mapping unit after <code>\(HTML.escape(option.mapping))</code>; "
                + "\(Format.number(option.leakage)) of the gates\(time), \(Format.bytes(option.enclaveBytes)) of enclave "
                + "memory.</li>"
        }.joined()
    }
}
