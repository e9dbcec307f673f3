internal import LeakageAssessment

/// Leakage and cost against depth.
struct LeakageCharts {
    let result: AssessmentResult

    var html: String {
        "<section><h2>Leakage against depth</h2>"
            + "<p>From left to right, more layers are inside. Error bars are 1.65 deviations; a dashed red line is a gate. "
            + "A leak that is found deeper is there at every shallower cut as well.</p>"
            + "<div class=\"charts\">\(decoder)\(identity)\(divergence)\(cost)</div></section>"
    }

    private var cuts: [CutMeasurement] { result.cuts }
    private var labels: [String] { cuts.map(\.name) }
    private var marked: Int? { cuts.firstIndex { $0.name == result.recommendation.front } }

    private var decoder: String {
        LineChart(
            title: "What a decoder recovers", unit: "1 is the picture, 0 the mean picture",
            series: [
                .init(
                    name: "R²", values: cuts.map { max(0, $0.decoder.determination) },
                    errors: cuts.map { Gates.deviations * $0.decoder.determinationDeviation }, color: 1),
                .init(
                    name: "SSIM above the mean picture", values: cuts.map { max(0, $0.decoder.similarityGain) },
                    color: 2),
            ],
            limits: [
                .init(
                    value: result.gates.maximumDetermination,
                    name: "gates: R² \(Format.number(result.gates.maximumDetermination))"),
                .init(
                    value: result.gates.maximumSimilarityGain,
                    name: "SSIM \(Format.number(result.gates.maximumSimilarityGain))"),
            ],
            range: 0...1, labels: labels, marked: marked
        ).svg
    }

    private var identity: String {
        LineChart(
            title: "Can the picture be told from others?",
            unit: "1 always; chance is 0.5 for the KL, 1/\(result.testImages) for the decoder",
            series: [
                .init(
                    name: "decoder: found among \(result.testImages)", values: cuts.map(\.decoder.retrievalTopOne),
                    color: 3),
                .init(
                    name: "channel KL: AUC", values: cuts.map { $0.channelKL?.areaUnderCurve },
                    errors: cuts.map { cut in
                        cut.carefulAreaUnderCurve.map { $0 - (cut.channelKL?.areaUnderCurve ?? $0) } ?? 0
                    }, color: 4),
            ],
            limits: [
                .init(
                    value: result.gates.maximumAreaUnderCurve,
                    name: "gate: AUC \(Format.number(result.gates.maximumAreaUnderCurve))")
            ],
            range: 0...1, labels: labels, marked: marked
        ).svg
    }

    private var divergence: String {
        let values = cuts.flatMap { [$0.channelKL?.mean, $0.channelKL?.nullMean] }.compactMap { $0 }
        let top = max(values.max() ?? 1, result.baselineMean) * 1.1
        return LineChart(
            title: "The paper's measure: nearest channel's KL", unit: "nats, mean over pictures; low leaks",
            series: [
                .init(name: "own picture", values: cuts.map { $0.channelKL?.mean }, color: 1),
                .init(
                    name: "another picture (null)", values: cuts.map { $0.channelKL?.nullMean }, color: 5, dashed: true),
            ],
            limits: [.init(value: result.baselineMean, name: "uniform baseline \(Format.number(result.baselineMean))")],
            range: 0...max(1, top), labels: labels, marked: marked
        ).svg
    }

    private var cost: String {
        let largest = Double(max(1, cuts.map(\.cost.boundaryBytes).max() ?? 1))
        let whole = result.modelMilliseconds ?? 0
        var series: [LineChart.Series] = [
            .init(name: "arithmetic inside", values: cuts.map(\.cost.shareInside), color: 1),
            .init(
                name: "bytes that cross (of \(Format.bytes(Int(largest))))",
                values: cuts.map { Double($0.cost.boundaryBytes) / largest }, color: 2),
        ]
        if whole > 0 {
            series.append(
                .init(
                    name: "FrontNet's time (of \(Format.number(whole)) ms)",
                    values: cuts.map { $0.cost.frontMilliseconds.map { min(1, $0 / whole) } }, color: 3))
        }
        return LineChart(
            title: "What a cut costs", unit: "shares of the whole model", series: series, range: 0...1, labels: labels,
            marked: marked
        ).svg
    }
}
