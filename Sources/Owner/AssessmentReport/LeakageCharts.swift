// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment

/// Leakage and cost against depth.
struct LeakageCharts {
    let result: AssessmentResult

    var html: String {
        "<section id=\"leakage\"><h2>Leakage against depth</h2>"
            + "<p>From left to right, more layers are inside. Error bars are 1.65 standard errors; a dashed red line is a gate. "
            + "A leak that is found deeper is there at every shallower cut as well: the first chart counts it, the others show "
            + "each cut alone. The numbers are in "
            + "<a href=\"#cuts\">the table of all cuts</a>.</p>"
            + "<div class=\"charts\">\(assets)\(decoder)\(identity)\(divergence)\(recognition)</div></section>"
    }

    private var cuts: [CutMeasurement] { result.cuts }
    private var labels: [String] { cuts.map(\.name) }
    private var marked: Int? { cuts.firstIndex { $0.name == result.recommendation.front } }

    /// An error bar of 1.65 standard errors to either side; `nil` for an unknown error.
    private func bar(_ value: Double, _ error: Double) -> ClosedRange<Double>? {
        error.isFinite ? value - Gates.deviations * error...value + Gates.deviations * error : nil
    }

    /// The limit line of a gate; none if it has no limit.
    private func limit(_ gate: Gate, _ name: (String) -> String) -> [LineChart.Limit] {
        result.gates[gate].map { [.init(value: $0, name: name(Format.number($0)))] } ?? []
    }

    private func found(_ cut: CutMeasurement) -> ClosedRange<Double> {
        let (share, count) = (cut.decoder.retrievalTopOne, cut.decoder.candidates)
        return WilsonBound.lower(
            of: share, count: count, deviations: Gates.deviations)...WilsonBound.upper(
                of: share, count: count, deviations: Gates.deviations)
    }

    /// The three assets against depth: whether some cut is deep enough to hide the image and shallow enough to hide the
    /// class.
    private var assets: String {
        func series(_ name: String, _ metric: Metric, color: Int) -> LineChart.Series {
            let checks = result.verdicts.map { $0.check(of: metric) }
            return .init(
                name: name, values: checks.map { $0?.estimate },
                bars: checks.map { check in
                    check.map { min($0.estimate, $0.value)...max($0.estimate, $0.value) }
                }, color: color)
        }
        return LineChart(
            title: "What each cut loses to an attacker with \(result.attackerPictures) pictures",
            unit: "0 nothing, 1 everything; the bar reaches to what is not excluded",
            series: [
                series("appearance: R²", .extrapolatedRSquared, color: 1),
                series("identity: share found", .identification, color: 3),
                series("class: beyond guessing", .classGain, color: 4),
            ],
            limits: assetLimits, range: 0...1, labels: labels, marked: marked
        ).svg
    }

    /// One line for each limit of the three, with the assets that have it.
    private var assetLimits: [LineChart.Limit] {
        let limits = Asset.allCases.compactMap { asset in
            result.gates[Metric.ofAttacker(asset).gate].map { (value: $0, asset: asset) }
        }
        return Set(limits.map(\.value)).sorted().map { value in
            let assets = Set(limits.filter { $0.value == value }.map(\.asset))
            return .init(value: value, name: "gate of \(Asset.sentence(assets)) \(Format.number(value))")
        }
    }

    private var decoder: String {
        LineChart(
            title: "What a decoder recovers", unit: "1 = exact reconstruction, 0 = no better than the mean picture",
            series: [
                .init(
                    name: "R²", values: cuts.map { max(0, $0.decoder.rSquared) },
                    bars: cuts.map { bar($0.decoder.rSquared, $0.decoder.rSquaredError) }, color: 1),
                .init(
                    name: "SSIM above the mean picture", values: cuts.map { max(0, $0.decoder.similarityGain) },
                    bars: cuts.map { bar($0.decoder.similarityGain, $0.decoder.similarityGainError) }, color: 2),
            ],
            limits: limit(.rSquared) { "gates: R² \($0)" } + limit(.similarityGain) { "SSIM \($0)" },
            range: 0...1, labels: labels, marked: marked
        ).svg
    }

    private var identity: String {
        LineChart(
            title: "Can the picture be told from others?",
            unit: "1 always; chance is 0.5 for the KL, 1/\(result.testImages) for the decoder",
            series: [
                .init(
                    name: "decoder: top-1 of \(result.testImages)", values: cuts.map(\.decoder.retrievalTopOne),
                    bars: cuts.map(found), color: 3),
                .init(
                    name: "channel KL: AUC", values: cuts.map { $0.channelKL?.areaUnderCurve },
                    bars: cuts.map { $0.channelKL.flatMap { bar($0.areaUnderCurve, $0.areaUnderCurveError) } },
                    color: 4),
                .init(name: "channel KL: top-1", values: cuts.map { $0.channelKL?.topOne }, color: 5, dashed: true),
            ],
            limits: limit(.areaUnderCurve) { "gate: AUC \($0)" },
            range: 0...1, labels: labels, marked: marked
        ).svg
    }

    private var divergence: String {
        let values = cuts.flatMap { [$0.channelKL?.mean, $0.channelKL?.nullMean] }.compactMap { $0 }
        let top = max(values.max() ?? 1, result.baselineMean) * 1.1
        return LineChart(
            title: "The paper's measure: nearest channel's KL", unit: "nats, mean over pictures; low leaks",
            series: [
                .init(name: "matched picture", values: cuts.map { $0.channelKL?.mean }, color: 1),
                .init(
                    name: "mismatched picture", values: cuts.map { $0.channelKL?.nullMean }, color: 5, dashed: true),
            ],
            limits: [.init(value: result.baselineMean, name: "uniform baseline \(Format.number(result.baselineMean))")],
            range: 0...max(1, top), labels: labels, marked: marked
        ).svg
    }

    /// What a classifier recognises in the reconstructions, and what statistics of all boundary tensors reveal.
    private var recognition: String {
        let ratios = cuts.map { $0.judgement?.divergence.ratioToNull }
        let bars = cuts.map { $0.judgement.flatMap { bar($0.divergence.ratioToNull, $0.divergence.ratioError) } }
        let correlations = cuts.map { $0.joint?.distanceCorrelation }
        let classes = cuts.map { $0.joint?.oneShot }
        guard (ratios + correlations + classes).contains(where: { $0 != nil }) else { return "" }
        var series: [LineChart.Series] = []
        func add(_ name: String, _ values: [Double?], bars: [ClosedRange<Double>?] = [], _ color: Int) {
            guard values.contains(where: { $0 != nil }) else { return }
            series.append(.init(name: name, values: values, bars: bars, color: color))
        }
        add("decoder-KL ratio (low leaks)", ratios, bars: bars, 1)
        add("distance correlation (high leaks)", correlations, 2)
        add("class from one example (high leaks)", classes, 4)
        return LineChart(
            title: "What is recognisable", unit: "of the reconstruction, and of all that crosses", series: series,
            limits: limit(.decoderDivergenceRatio) { "gate: decoder-KL at least \($0)" },
            range: 0...1, labels: labels, marked: marked
        ).svg
    }
}
