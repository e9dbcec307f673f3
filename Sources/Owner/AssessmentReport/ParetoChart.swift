// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import LeakageAssessment
internal import Tensors

/// Plans as points: latency per image against the worst check as a multiple of its limit. The line is the Pareto front.
/// Plans whose worst check lacks evidence have no such multiple and are not drawn.
struct ParetoChart {
    let result: AssessmentResult

    private static let (width, height) = (560.0, 340.0)
    private static let (left, right, top, bottom) = (46.0, 14.0, 12.0, 44.0)
    /// Range of the vertical axis, which is logarithmic; smaller values are drawn at its lower end.
    private static let (lowest, highest) = (0.05, 20.0)

    /// Empty if there is nothing to compare.
    var html: String {
        let options = result.recommendation.options
        guard options.count > 1 else { return "" }
        let isTimed = options.allSatisfy { $0.latencyMilliseconds != nil }
        func cost(_ option: PlanOption) -> Double {
            isTimed ? option.latencyMilliseconds ?? 0 : 100 * option.cost.shareInside
        }
        let most = max(options.map(cost).max() ?? 1, 1e-6) * 1.08
        func x(_ value: Double) -> String { n(Self.left + value / most * (Self.width - Self.left - Self.right)) }
        func y(_ value: Double) -> String {
            let share =
                log(min(max(value, Self.lowest), Self.highest) / Self.lowest) / log(Self.highest / Self.lowest)
            return n(Self.height - Self.bottom - share * (Self.height - Self.top - Self.bottom))
        }
        let (start, end, floor) = (n(Self.left), n(Self.width - Self.right), n(Self.height - Self.bottom))
        var parts: [String] = []
        for value in [0.1, 1, 10] {
            parts.append(
                "<line class=\"\(value == 1 ? "limit" : "grid")\" x1=\"\(start)\" x2=\"\(end)\" y1=\"\(y(value))\" "
                    + "y2=\"\(y(value))\"/><text class=\"tick\" x=\"\(n(Self.left - 6))\" y=\"\(y(value))\" dy=\"4\" "
                    + "text-anchor=\"end\">\(Format.fixed(value, value < 1 ? 1 : 0))</text>")
        }
        for step in 0...4 {
            let value = most * Double(step) / 4
            parts.append(
                "<text class=\"tick\" x=\"\(x(value))\" y=\"\(n(Self.height - Self.bottom + 16))\" "
                    + "text-anchor=\"middle\">\(Format.fixed(value, most < 20 ? 1 : 0))</text>")
        }
        let best = PlanOption.pareto(options).sorted { cost($0) < cost($1) }
        let line = best.compactMap { option in option.decidedLeakage.map { (cost: cost(option), leakage: $0) } }
        let path = line.enumerated().map {
            "\($0.offset == 0 ? "M" : "L")\(x($0.element.cost)) \(y($0.element.leakage))"
        }
        parts.append("<path class=\"line c1\" d=\"\(path.joined())\"/>")
        for option in options {
            guard let leakage = option.decidedLeakage else { continue }
            let chosen = option.isChosen(by: result.recommendation)
            let place = option.everythingInside ? "everything inside" : "cut after \(option.front)"
            let noise = option.sigma.map { " under noise of \(Format.significant($0.value))" } ?? ""
            let title =
                "\(place)\(noise), mapping unit after \(option.mapping): \(option.leakageSummary), "
                + "\(Format.number(cost(option)))\(isTimed ? " ms" : " % of the arithmetic inside"), "
                + Format.bytes(option.enclaveBytes)
            parts.append(
                "<circle class=\"\(chosen ? "c3 chosen" : best.contains(option) ? "c1" : "c5")\" cx=\"\(x(cost(option)))\" "
                    + "cy=\"\(y(leakage))\" r=\"\(chosen ? 7 : best.contains(option) ? 4 : 2.5)\">"
                    + "<title>\(HTML.escape(title))</title></circle>")
        }
        return """
            <section id="plans"><h2>Plans: leakage against cost</h2><p>Every plan that was compared. Nothing beats those on the line in \
            leakage, \(isTimed ? "time" : "arithmetic inside") and enclave memory at once; the large ring is the recommendation. \
            Above the dashed line, at 1, a gate is exceeded; plans beyond 20 and below 0.05 are drawn at the edge.\
            \(undrawn(options))</p><div class="plans"><figure tabindex="0"><figcaption>Worst check as a multiple of its limit \
            <span class="unit">logarithmic, over \(isTimed ? "milliseconds per picture" : "percent of the arithmetic inside")\
            </span></figcaption><svg viewBox="0 0 560 340" role="img" aria-label="Leakage against cost; the plans on the line are in the table beside it">
            <line class="grid" x1="\(start)" x2="\(end)" y1="\(floor)" y2="\(floor)"/>
            \(parts.joined(separator: "\n"))</svg></figure>\(table(best, isTimed))</section>
            """
    }

    /// The plans on the Pareto front, as text.
    private func table(_ best: [PlanOption], _ isTimed: Bool) -> String {
        let fronts = HTML.distinct(best.map(\.front), limit: 26)
        let rows = zip(best, fronts).map { option, front -> String in
            let chosen = option.front == result.recommendation.front && option.mapping == result.recommendation.mapping
            let place =
                option.everythingInside ? "everything inside" : HTML.escape(front)
            let cost =
                isTimed ? Format.number(option.latencyMilliseconds ?? 0) : Format.percent(option.cost.shareInside)
            return "<tr\(chosen ? " class=\"front\"" : "")><th scope=\"row\">\(place)</th>"
                + "<td>\(HTML.escape(HTML.shortened(option.mapping, limit: 18)))</td>"
                + "<td class=\"\(option.passesGates ? "good" : "bad")\">\(option.decidedLeakage.map(Format.number) ?? option.outcome.rawValue)</td>"
                + "<td>\(cost)</td>"
                + "<td>\(Format.bytes(option.enclaveBytes))</td></tr>"
        }
        return
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Plans on the line\"><table class=\"numbers\">"
            + "<thead><tr><th scope=\"col\">cut after</th><th scope=\"col\">mapping unit after</th>"
            + "<th scope=\"col\">of the limit</th><th scope=\"col\">\(isTimed ? "ms" : "inside")</th>"
            + "<th scope=\"col\">enclave</th></tr></thead><tbody>\(rows.joined())</tbody></table></div></div>"
    }

    private func undrawn(_ options: [PlanOption]) -> String {
        let count = options.count { $0.decidedLeakage == nil }
        guard count > 0 else { return "" }
        return
            " \(count) \(count == 1 ? "plan is" : "plans are") not drawn: for a pass there is not enough evidence, and no "
            + "leak was shown."
    }

    private func n(_ value: Double) -> String { Format.fixed(value, 1) }
}
