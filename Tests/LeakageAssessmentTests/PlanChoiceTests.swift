// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import LeakageAssessment
import Tensors
import Testing

@Suite("Choice among plans")
struct PlanChoiceTests {
    private static func option(
        _ front: String, ms: Double?, leakage: Double, inside: Int = 10, bytes: Int = 100, spread: Double? = nil
    ) -> PlanOption {
        PlanOption(
            front: front, mapping: "m", leakage: leakage, outcome: .passes,
            cost: CutCost(
                multiplyAddsInside: inside, multiplyAdds: 100, parametersInside: 1, boundaryBytes: bytes,
                frontMilliseconds: ms, backMilliseconds: ms.map { _ in 0 }, timingSpread: spread,
                enclaveBytes: 1),
            budgets: Budgets())
    }

    @Test("The fastest plan wins over all plans slower by more than the tolerance, whatever they leak")
    func fastest() {
        let options = [
            Self.option("slow", ms: 10.51, leakage: 0), Self.option("fast", ms: 10, leakage: 0.9),
            Self.option("counted", ms: 20, leakage: 0.1, inside: 1),
        ]
        #expect(PlanChoice.best(of: options)?.front == "fast")
    }

    @Test("Within 5 % of the lowest latency the plan that leaks less wins, then the faster one")
    func ties() {
        let fast = Self.option("fast", ms: 10, leakage: 0.9)
        let close = Self.option("close", ms: 10.49, leakage: 0.5)
        let faster = Self.option("faster", ms: 10.3, leakage: 0.5)
        #expect(PlanChoice.best(of: [fast, close])?.front == "close")
        #expect(PlanChoice.best(of: [fast, close, faster])?.front == "faster")
        #expect(PlanChoice.best(of: [faster, close, fast])?.front == "faster")
    }

    @Test("Latency differences below the noise do not choose between two cuts", arguments: 1...10)
    func noise(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        // 7 % apart, with a noise of 5 % on each.
        func timed(_ ms: Double) -> Double { ms * (1 + 0.05 * (2 * generator.uniform() - 1)) }
        let fast = Self.option("fast", ms: timed(10), leakage: 0.9, spread: 0.05)
        let close = Self.option("close", ms: timed(10.7), leakage: 0.5, spread: 0.05)
        #expect(PlanChoice.best(of: [fast, close])?.front == "close")
    }

    @Test("If one plan was not timed, arithmetic operations decide, then bytes, then leakage")
    func counted() {
        let options = [
            Self.option("timed", ms: 1, leakage: 0, inside: 30),
            Self.option("many bytes", ms: nil, leakage: 0, inside: 20),
            Self.option("leaky", ms: 5, leakage: 0.9, inside: 20, bytes: 50),
            Self.option("tight", ms: 9, leakage: 0.2, inside: 20, bytes: 50),
        ]
        #expect(PlanChoice.best(of: options)?.front == "tight")
        #expect(PlanChoice.best(of: []) == nil)
    }

    private static func cost(_ ms: Double) -> CutCost {
        CutCost(
            multiplyAddsInside: 100, multiplyAdds: 100, parametersInside: 1, boundaryBytes: 0, frontMilliseconds: ms,
            backMilliseconds: 0, enclaveBytes: 90)
    }

    private func choose(whole: Double, factor: Double = 1) throws -> Recommendation {
        let cuts = try Measured.cuts([("relu1", 0.9, (1, 2)), ("relu2", 0.004, (3, 3)), ("flat", 0.003, nil)])
        var budgets = Budgets()
        budgets.enclaveFactor = factor
        return Recommendation.choose(
            among: cuts, verdicts: GateVerdict.verdicts(for: cuts, gates: .standard), gates: .standard,
            mapping: ("logits", 8), whole: Self.cost(whole), budgets: budgets, pictures: 60)
    }

    @Test("Everything inside wins if no cut within the gates is faster, and loses if the enclave is slow")
    func everythingInside() throws {
        let inside = try choose(whole: 4)
        #expect(inside.everythingInside)
        #expect(inside.reason.contains("4.00 ms") && inside.reason.contains("'relu2'"))
        #expect(inside.rule.contains("fastest") && inside.rule.contains("5.0 %"))
        // By default both adversaries are evaluated, and the rule states this.
        #expect(inside.rule.hasPrefix("both adversaries with "))
        let slow = try choose(whole: 4, factor: 3)
        #expect(slow.front == "relu2" && slow.sigma == nil)
    }

    private func noisy(passes: Bool) throws -> (cuts: [CutMeasurement], plan: Recommendation) {
        var cuts = try Measured.cuts([("relu1", 0.9, (3, 3)), ("relu2", 0.004, (3, 3))])
        let verdict = GateVerdict.verdicts(
            for: try Measured.cuts([("relu1", passes ? 0.01 : 0.9, (3, 3))]), gates: .standard)[0]
        cuts[0].noise = NoiseMeasurement(
            sigma: NoiseDeviation(0.5)!, agreement: 0.99, verdict: verdict, decoder: cuts[1].decoder,
            copies: [.init(1, cuts[1].decoder), .init(16, cuts[0].decoder)])
        let plan = Recommendation.choose(
            among: cuts, verdicts: GateVerdict.verdicts(for: cuts, gates: .standard), gates: .standard,
            mapping: ("logits", 8), pictures: 60)
        return (cuts, plan)
    }

    @Test(
        "A cut that keeps the gates with noise is compared and reported, and never recommended",
        arguments: [true, false])
    func noise(passes: Bool) throws {
        let (cuts, plan) = try noisy(passes: passes)
        #expect(plan.front == "relu2" && plan.sigma == nil)
        #expect(plan.options.map { $0.sigma != nil } == [false, true, false])
        let told = plan.details.filter { $0.hasPrefix("Under noise of deviation 0.500 ") }
        #expect(told.count == (passes ? 1 : 0))
        // The numbers are those that were measured.
        let (one, many) = (Format.number(cuts[1].decoder.rSquared), Format.number(cuts[0].decoder.rSquared))
        #expect(
            told.allSatisfy {
                $0.contains("'relu1'")
                    && $0.contains("R² \(one) with one of them, \(many) with the mean of 16, and \(many) without noise")
            })
        // σ is printed where it holds, and the report has the near-duplicates in any case.
        let result = try Measured.result(cuts)
        let text = AssessmentTable(result, columns: 200).text
        #expect(text.contains("noise") && text.contains("0.500") == passes)
        let page = try ReportPage.html(of: result)
        #expect(page.contains("Under noise on what crosses") && page.contains(passes ? ">within</td>" : ">beyond</td>"))
        #expect(page.contains("<td>\(one)</td><td>–</td><td>\(many)</td><td>–</td>"))
    }

    @Test("Noise is sufficient if no gate is exceeded, although no learning curves are measured under it")
    func holdsAtHand() throws {
        var cuts = try Measured.cuts([("relu1", 0.9, (3, 3)), ("relu2", 0.004, (3, 3))])
        let under = CutMeasurement(
            cut: cuts[0].cut, operatorName: "Conv", crossing: cuts[0].crossing, decoder: cuts[1].decoder,
            cost: cuts[0].cost)
        let verdict = GateVerdict.verdicts(for: [under], gates: .standard, adversary: .informed)[0]
        #expect(verdict.outcome == .notEnoughEvidence)
        cuts[0].noise = NoiseMeasurement(
            sigma: NoiseDeviation(0.5)!, agreement: 0.99, verdict: verdict, decoder: cuts[1].decoder)
        #expect(cuts[0].noise?.holds == true)
        let plan = try Measured.result(cuts, adversary: .informed).recommendation
        #expect(plan.details.contains { $0.hasPrefix("Under noise of deviation 0.500 ") })
    }

    @Test("If everything inside exceeds a budget, the verdict states that a cut need not save much")
    func insideExceedsBudget() throws {
        let cuts = try Measured.cuts([("relu2", 0.004, (3, 3)), ("flat", 0.003, nil)])
        func details(_ allowed: Int?) -> [String] {
            var budgets = Budgets()
            budgets.enclaveBytes = allowed
            let whole = CutCost(
                multiplyAddsInside: 100, multiplyAdds: 100, parametersInside: 1, boundaryBytes: 0,
                frontMilliseconds: 40,
                backMilliseconds: 0, enclaveBytes: 900_000_000)
            return Recommendation.choose(
                among: cuts, verdicts: GateVerdict.verdicts(for: cuts, gates: .standard), gates: .standard,
                mapping: ("logits", 8), whole: whole, budgets: budgets, pictures: 60
            ).details
        }
        #expect(details(200_000_000).contains { $0.contains("a cut is recommended however little it saves") })
        #expect(!details(nil).contains { $0.contains("however little") })
    }

    private static let inside = option("m", ms: 10, leakage: 0, inside: 100)

    private static func rival(ms: Double?, spread: Double? = 0, inside: Int = 50) -> PlanOption {
        PlanOption(
            front: "f", mapping: "m", leakage: 0.5, outcome: .passes,
            cost: CutCost(
                multiplyAddsInside: inside, multiplyAdds: 100, parametersInside: 1, boundaryBytes: 1,
                frontMilliseconds: ms, backMilliseconds: ms.map { _ in 0 }, timingSpread: spread),
            budgets: Budgets())
    }

    @Test("A plan's leakage is described by its gates' outcome and its worst check, even if the ratio is capped")
    func phrases() {
        #expect(Self.inside.leakageSummary == "nothing crosses")
        func summary(_ leakage: Double, _ outcome: GateVerdict.Outcome) -> String {
            PlanOption(
                front: "f", mapping: "m", leakage: leakage, decidedLeakage: leakage, outcome: outcome,
                cost: Self.cost(10), budgets: Budgets()
            ).leakageSummary
        }
        #expect(summary(0.5, .passes) == "passes the gates, worst check at 0.50 of its limit")
        #expect(summary(1.314, .fails) == "fails the gates, worst check at 1.31 of its limit")
        #expect(summary(GateVerdict.worst, .fails) == "fails the gates, worst check far beyond its limit")
        #expect(summary(0.5, .notEnoughEvidence) == "not enough evidence for a pass, worst check at 0.50 of its limit")
    }

    @Test("A plan with a boundary has to gain more than 5 %, and more than the variation of paired timings")
    func worthwhile() {
        #expect(!PlanChoice.isWorthwhile(Self.rival(ms: 9.6), over: Self.inside))
        #expect(PlanChoice.isWorthwhile(Self.rival(ms: 9.4), over: Self.inside))
        #expect(!PlanChoice.isWorthwhile(Self.rival(ms: 9, spread: 0.04), over: Self.inside))
        #expect(PlanChoice.isWorthwhile(Self.rival(ms: 8, spread: 0.04), over: Self.inside))
        #expect(!PlanChoice.isWorthwhile(Self.rival(ms: 11), over: Self.inside))
    }

    @Test("A plan has to be faster than everything inside in the same rounds, whatever the load at other times")
    func paired() {
        func rival(whole: Double) -> PlanOption {
            PlanOption(
                front: "f", mapping: "m", leakage: 0.5, outcome: .passes,
                cost: CutCost(
                    multiplyAddsInside: 50, multiplyAdds: 100, parametersInside: 1, boundaryBytes: 1,
                    frontMilliseconds: 7, backMilliseconds: 0, wholeMilliseconds: whole, timingSpread: 0),
                budgets: Budgets())
        }
        // Everything inside took 10 ms when it was timed by itself.
        #expect(PlanChoice.isWorthwhile(rival(whole: 10.2), over: Self.inside))
        #expect(!PlanChoice.isWorthwhile(rival(whole: 7.1), over: Self.inside))
        #expect(!PlanChoice.isWorthwhile(Self.rival(ms: 1), over: Self.option("m", ms: 0, leakage: 0)))
    }

    @Test("The timing noise of the fastest plan counts like that of the others")
    func noiseOfFastest() {
        let fast = Self.option("fast", ms: 10, leakage: 0.9, spread: 0.05)
        let close = Self.option("close", ms: 10.7, leakage: 0.5, spread: 0)
        #expect(PlanChoice.best(of: [fast, close])?.front == "close")
    }

    /// Made once: its scores take seconds.
    private static let made = Result { try Measured.cuts([("relu2", 0.004, (3, 3))])[0] }

    /// The plan that `assess` chooses from seven rounds of timings of the cut 'relu2' and of everything inside, under a
    /// load that adds up to `load` of the time of each part.
    private func plan(cut: Double, load: Double, seed: UInt64) throws -> String {
        var generator = SeededGenerator(seed: seed)
        func time(_ milliseconds: Double) -> Double { milliseconds * (1 + load * generator.uniform()) }
        func rounds(front: Double, back: Double) -> InterleavedTimes {
            InterleavedTimes(
                (0..<7).map { _ in
                    .init(front: time(front), back: time(back), mapping: time(0.01), whole: time(4))
                })
        }
        func cost(_ times: InterleavedTimes, inside: Int) -> CutCost {
            CutCost(
                multiplyAddsInside: inside, multiplyAdds: 100, parametersInside: 1, boundaryBytes: 400,
                frontMilliseconds: times.front, backMilliseconds: times.back, mappingMilliseconds: times.mapping,
                crossingMilliseconds: 0.01, wholeMilliseconds: times.whole, timingSpread: times.spread)
        }
        let whole = cost(rounds(front: 4, back: 0), inside: 100)
        let made = try Self.made.get()
        let measured = CutMeasurement(
            cut: made.cut, operatorName: made.operatorName, crossing: made.crossing, decoder: made.decoder,
            findings: made.findings, cost: cost(rounds(front: cut / 2, back: cut / 2), inside: 50))
        return Recommendation.choose(
            among: [measured], verdicts: GateVerdict.verdicts(for: [measured], gates: .standard), gates: .standard,
            mapping: ("logits", 8), whole: whole, pictures: 60
        ).front
    }

    @Test(
        "The same pictures give the same plan in ten of ten runs with varying timings",
        arguments: [(4.0, "logits"), (3.9, "logits"), (2.4, "relu2")], [0.02, 0.15])
    func repeated(cut: (milliseconds: Double, plan: String), load: Double) throws {
        let plans = try (1...10).map { try plan(cut: cut.milliseconds, load: load, seed: $0) }
        #expect(plans == .init(repeating: cut.plan, count: 10))
    }

    @Test(
        "The choice does not depend on the order of the timing rounds, even near 5 % and near their spread",
        arguments: [0.05, 0.1, 0.2], [-0.001, -1e-9, 0, 1e-9, 0.001])
    func order(gain: Double, beyond: Double) {
        var generator = SeededGenerator(seed: 7)
        // The gain is near 5 %, or near three deviations of the paired timings.
        let spread = max(0, gain - 0.05) / 3
        let deviations = [-1.2, -0.9, -0.3, 0.1, 0.5, 0.8, 1.0]
        let scale = Statistics.deviation(deviations)
        let rounds = deviations.map { deviation in
            let ratio = (1 - gain - beyond) * (1 + spread * deviation / scale)
            return InterleavedTimes.Round(front: 2 * ratio, back: 1.9 * ratio, mapping: 0.1 * ratio, whole: 4)
        }
        func isWorthwhile(_ rounds: [InterleavedTimes.Round]) -> Bool {
            let times = InterleavedTimes(rounds)
            let rival = PlanOption(
                front: "f", mapping: "m", leakage: 0.5, outcome: .passes,
                cost: CutCost(
                    multiplyAddsInside: 50, multiplyAdds: 100, parametersInside: 1, boundaryBytes: 1,
                    frontMilliseconds: times.front, backMilliseconds: times.back, mappingMilliseconds: times.mapping,
                    wholeMilliseconds: times.whole, timingSpread: times.spread), budgets: Budgets())
            return PlanChoice.isWorthwhile(rival, over: Self.option("m", ms: 4, leakage: 0, inside: 100))
        }
        let first = InterleavedTimes(rounds)
        for _ in 0..<20 {
            let order = rounds.map { ($0, generator.uniform()) }.sorted { $0.1 < $1.1 }.map(\.0)
            #expect(InterleavedTimes(order) == first)
            #expect(isWorthwhile(order) == isWorthwhile(rounds))
        }
    }

    @Test("Interleaved rounds give the fastest time of each part, and the variation of its ratio to the whole")
    func rounds() {
        let times = InterleavedTimes([
            .init(front: 2, back: 1, mapping: 1, whole: 4), .init(front: 3, back: 1.5, mapping: 1.5, whole: 4),
        ])
        #expect(times.front == 2 && times.back == 1 && times.mapping == 1 && times.whole == 4)
        // Ratios 1 and 1.5.
        #expect(abs(times.spread - 0.2) < 1e-12)
    }

    @Test("A plan has to move at least 1 % of the arithmetic outside, even if nothing was timed")
    func arithmetic() {
        let whole = CutCost(
            multiplyAddsInside: 1000, multiplyAdds: 1000, parametersInside: 1, boundaryBytes: 1,
            frontMilliseconds: nil, backMilliseconds: nil)
        func plan(_ inside: Int) -> PlanOption {
            PlanOption(
                front: "f", mapping: "m", leakage: 0.5, outcome: .passes,
                cost: CutCost(
                    multiplyAddsInside: inside, multiplyAdds: 1000, parametersInside: 1, boundaryBytes: 1,
                    frontMilliseconds: nil, backMilliseconds: nil), budgets: Budgets())
        }
        let inside = PlanOption(
            front: "m", mapping: "m", leakage: 0, outcome: .passes, cost: whole, budgets: Budgets())
        #expect(!PlanChoice.isWorthwhile(plan(991), over: inside))
        #expect(PlanChoice.isWorthwhile(plan(990), over: inside))
    }
}
