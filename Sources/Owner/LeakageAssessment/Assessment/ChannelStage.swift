internal import ModelGraph
internal import Tensors

/// Tier 1: the channel KL of every cut that has maps.
enum ChannelStage {
    /// - Returns: One element per cut; `nil` where nothing that crosses is a map.
    static func run(
        _ configuration: AssessmentConfiguration, validator: AssessmentConfiguration.Network, cuts: [Cut],
        pictures: PictureSet, cancellation: CancellationFlag,
        progress: @escaping @Sendable (AssessmentProgress) -> Void
    ) throws(AssessmentError) -> [ChannelKL?] {
        let graph = configuration.model.graph
        func channels(_ cut: Cut) -> Int {
            cut.crossing.map { graph.type(of: $0).shape.dimensions }.filter(FeatureLayout.isMap)
                .reduce(0) { $0 + $1[1] }
        }
        let applicable = cuts.filter { channels($0) > 0 }
        let truths = pictures.truths
        guard !applicable.isEmpty, !truths.isEmpty else { return cuts.map { _ in nil } }
        let meter = ProgressMeter(
            .channelKL, total: truths.count * applicable.reduce(0) { $0 + channels($1) }, report: progress)

        let minima = try WorkerThreads<[ChannelJudge.Minimum]>.map(
            count: truths.count, threads: configuration.threads
        ) { () throws(AssessmentError) in
            (
                probe: try CutProbe(configuration.model, cuts: applicable),
                judge: try ChannelJudge(validator)
            )
        } body: { (state, picture) throws(AssessmentError) in
            let crossing = try state.probe.crossing(of: try pictures.tensor(of: picture))
            // This picture's IR images are the null of the picture before it.
            let previous = truths[(picture + truths.count - 1) % truths.count]
            var minima: [ChannelJudge.Minimum] = []
            for tensors in crossing {
                minima.append(
                    try state.judge.minimum(over: tensors, own: truths[picture], other: previous) {
                        () throws(AssessmentError) in
                        try cancellation.check()
                        meter.advance(by: 1)
                    })
            }
            return minima
        }
        let baseline = truths.map(KullbackLeibler.uniformBaseline)
        var results: [ChannelKL?] = []
        var position = 0
        for cut in cuts {
            guard channels(cut) > 0 else {
                results.append(nil)
                continue
            }
            let own = minima.map { $0[position] }
            let null = own.indices.map { minima[($0 + 1) % minima.count][position].null }
            results.append(
                try ChannelKL(
                    own: own.map(\.own), null: null, baseline: baseline, closestChannel: own.map(\.closestChannel)))
            position += 1
        }
        return results
    }
}
