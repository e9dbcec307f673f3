// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// Whether noise on the boundary brings the failing cuts within the gates, and at what cost.
///
/// For each cut: the largest deviation under which at least ``agreement`` of the images keep their top-1 class;
/// decoders trained on features under that noise; and, if they stay within the gates, the smallest deviation for which
/// that still holds. The channel KL is without noise, which overstates the leak. The result is reported and never
/// recommended: ``Recommendation/Note/noiseIsUndone``. Cuts where integers cross are left out, because the enclave adds
/// noise to floats.
///
/// - Source: design notes, section 5, step 2.
enum NoiseStage {
    static let agreement = 0.99
    static let pictures = 100
    /// Steps of the search for the largest deviation.
    private static let agreementSteps = 8
    /// Steps of the search for the smallest deviation: to a tenth of its value.
    private static let gateSteps = 6
    /// Range of the search, in root mean squares of the boundary tensor.
    private static let range = (low: 1e-3, high: 1e2)

    /// The result of the search for the largest deviation.
    private struct Price: Codable {
        let scale: Double
        /// `nil` where even the smallest deviation of the range changes too many predictions.
        let largest: Double?
    }

    private struct Attack {
        let sigma: Double
        let outcome: DecoderStage.Outcome
        let verdict: GateVerdict

        var holds: Bool { verdict.isUnbrokenAtHand }
    }

    static func run(_ context: StageContext, _ findings: inout Findings) throws(AssessmentError) {
        guard context.configuration.triesNoise else { return }
        let measured = findings.conclusion(context)
        let failing = measured.cuts.indices.filter {
            !measured.verdicts[$0].asAssessed.passes && measured.cuts[$0].cut.nodesInside < context.mapping.nodesInside
                && context.cuts[$0].isOfFloats(in: context.model.graph)
        }
        let meter = context.meter(.noise, total: failing.count)
        var prices: [Int: Price] = [:]
        for index in failing {
            prices[index] = try price(context, context.cuts[index])
            meter.advance(by: 1)
        }
        var attacks: [Int: Attack] = [:]
        try search(context, measured.cuts, classes: findings.mapping.answers, prices, &attacks)
        let copies = try repeated(context, measured.cuts, classes: findings.mapping.answers, attacks)
        for (index, attack) in attacks {
            findings.noise[index] = try measurement(context, index, attack, copies[index] ?? [])
        }
    }

    /// The decoders' results if an attacker averages near-duplicates, by cut.
    private static func repeated(
        _ context: StageContext, _ measured: [CutMeasurement], classes: [Int], _ attacks: [Int: Attack]
    ) throws(AssessmentError) -> [Int: [NoiseMeasurement.Copies]] {
        var found = attacks.mapValues { [NoiseMeasurement.Copies(1, $0.outcome.scores)] }
        for copies in NoiseMeasurement.copies.dropFirst() {
            let repeated = try attack(context, measured, classes: classes, attacks.mapValues(\.sigma), copies: copies)
            for (index, attack) in repeated { found[index]?.append(.init(copies, attack.outcome.scores)) }
        }
        return found
    }

    /// The smallest deviation within the gates for each cut, or the largest that was tried.
    private static func search(
        _ context: StageContext, _ measured: [CutMeasurement], classes: [Int], _ prices: [Int: Price],
        _ attacks: inout [Int: Attack]
    ) throws(AssessmentError) {
        attacks = try attack(context, measured, classes: classes, prices.compactMapValues(\.largest))
        var searches: [Int: LogarithmicBisection] = [:]
        for (index, attack) in attacks where attack.holds {
            searches[index] = LogarithmicBisection(
                holds: attack.sigma, fails: range.low * (prices[index]?.scale ?? attack.sigma))
        }
        for _ in 0..<gateSteps where !searches.isEmpty {
            for (index, attack) in try attack(context, measured, classes: classes, searches.mapValues(\.middle)) {
                searches[index]?.narrow(attack.holds)
                if attack.holds { attacks[index] = attack }
            }
        }
    }

    /// Decoders and gates of the cuts, each under noise of its deviation.
    private static func attack(
        _ context: StageContext, _ measured: [CutMeasurement], classes: [Int], _ sigmas: [Int: Double],
        copies: Int = 1
    ) throws(AssessmentError) -> [Int: Attack] {
        let indices = sigmas.keys.sorted()
        let outcomes = try DecoderStage.run(
            context, cuts: indices.map { context.cuts[$0] }, classes: classes, views: nil,
            noise: indices.map { FeatureNoise(sigma: sigmas[$0] ?? 0, seed: context.seed).averaged(over: copies) })
        var attacks: [Int: Attack] = [:]
        for (index, outcome) in zip(indices, outcomes) {
            let verdict = GateVerdict.verdicts(
                for: [measured[index].under(outcome)], notAssessed: [], gates: context.configuration.gates,
                adversary: context.configuration.adversary,
                protecting: context.configuration.protected,
                attacker: context.attacker)[0]
            attacks[index] = Attack(sigma: sigmas[index] ?? 0, outcome: outcome, verdict: verdict)
        }
        return attacks
    }

    private static func price(_ context: StageContext, _ cut: Cut) throws(AssessmentError) -> Price {
        let key = context.inputs.key("noise-price", pictures: context.decodedDigests.prefix(pictures)) {
            $0.add("cut", cut.name)
        }
        return try context.work.result(of: key) { () throws(AssessmentError) in
            let measure = try NoiseAgreement(context, cut: cut, pictures: pictures)
            func holds(_ sigma: Double) throws(AssessmentError) -> Bool {
                try measure.share(sigma: sigma) >= agreement
            }
            let (low, high) = (range.low * measure.scale, range.high * measure.scale)
            guard measure.scale > 0, try holds(low) else { return Price(scale: measure.scale, largest: nil) }
            if try holds(high) { return Price(scale: measure.scale, largest: high) }
            var search = LogarithmicBisection(holds: low, fails: high)
            for _ in 0..<agreementSteps { search.narrow(try holds(search.middle)) }
            return Price(scale: measure.scale, largest: search.holds)
        }
    }

    /// - Returns: `nil` for a deviation outside the range of bundles.
    private static func measurement(
        _ context: StageContext, _ index: Int, _ attack: Attack, _ copies: [NoiseMeasurement.Copies]
    ) throws(AssessmentError) -> NoiseMeasurement? {
        guard let sigma = NoiseDeviation(attack.sigma) else { return nil }
        let cut = context.cuts[index]
        let key = context.inputs.key("noise-agreement", pictures: context.decodedDigests.prefix(pictures)) {
            $0.add("cut", cut.name)
            $0.add("sigma", "\(sigma.value)")
        }
        let share = try context.work.result(of: key) { () throws(AssessmentError) in
            [try NoiseAgreement(context, cut: cut, pictures: pictures).share(sigma: sigma.value)]
        }
        return NoiseMeasurement(
            sigma: sigma, agreement: share[0], verdict: attack.verdict, decoder: attack.outcome.scores,
            copies: copies)
    }
}

extension CutMeasurement {
    /// The same cut with the decoders' results under noise.
    fileprivate func under(_ outcome: DecoderStage.Outcome) -> CutMeasurement {
        CutMeasurement(
            cut: cut, operatorName: operatorName, crossing: crossing, decoder: outcome.scores,
            findings: CutFindings([channelKL as (any Finding)?].compactMap(\.self)).merging(outcome.findings),
            cost: cost)
    }
}
