internal import ModelGraph
internal import Tensors

/// Tier 1: the channel KL of every cut that has maps. One piece of results per picture.
enum ChannelStage {
    /// - Returns: One element per cut; `nil` where nothing that crosses is a map.
    static func run(_ context: StageContext, truths: Truths) throws(AssessmentError) -> [ChannelKL?] {
        let minima = try minima(context, truths: truths, of: Array(0..<truths.count))
        let baseline = try truths.map(KullbackLeibler.uniformBaseline)
        var results: [ChannelKL?] = []
        var position = 0
        for cut in context.cuts {
            guard channels(cut, context) > 0 else {
                results.append(nil)
                continue
            }
            let ofCut = minima.map { $0[position] }
            // The IR images of the picture at this distance after it were judged against it at the same place.
            let divergences = ofCut.indices.map { picture in
                ofCut[picture].divergences.indices.map { distance in
                    ofCut[(picture + distance) % ofCut.count].divergences[distance]
                }
            }
            results.append(
                try ChannelKL(
                    divergences: divergences, baseline: baseline, closestChannel: ofCut.map(\.closestChannel)))
            position += 1
        }
        return results
    }

    /// Computes the pieces of these pictures, for others to find.
    static func prepare(_ context: StageContext, truths: Truths, of pictures: [Int]) throws(AssessmentError) {
        _ = try minima(context, truths: truths, of: pictures)
    }

    /// - Returns: Per picture one element per cut that has maps.
    private static func minima(
        _ context: StageContext, truths: Truths, of pictures: [Int]
    ) throws(AssessmentError) -> [[ChannelJudge.Minima]] {
        let cuts = context.cuts.filter { channels($0, context) > 0 }
        guard !cuts.isEmpty else { return pictures.map { _ in [] } }
        let total = cuts.reduce(0) { $0 + channels($1, context) }
        let meter = context.meter(.channelKL, total: pictures.count * total)
        return try WorkerThreads<[ChannelJudge.Minima]>.map(count: pictures.count, threads: context.threads) {
            () throws(AssessmentError) in
            Lazily { () throws(AssessmentError) in
                (
                    probe: try CutProbe(context.model, cuts: cuts),
                    judge: try ChannelJudge(context.validator)
                )
            }
        } body: { (tools, item) throws(AssessmentError) in
            try context.cancellation.check()
            let picture = pictures[item]
            let candidates = candidates(for: picture, of: truths.count)
            let digests = candidates.map { context.pictures.entries[$0].digest }
            let key = context.inputs.key("channel-kl", pictures: digests) { hasher in
                for cut in cuts { hasher.add("cut", cut.name) }
            }
            if let known = context.work.kept(key, as: [ChannelJudge.Minima].self) {
                meter.advance(by: total)
                return known
            }
            return try context.work.result(of: key) { () throws(AssessmentError) in
                let (probe, judge) = try tools.value()
                let input = try context.pictures.tensor(of: picture)
                let crossing: [[Tensor]]
                do throws(AssessmentError) { crossing = try probe.crossing(of: input) } catch {
                    throw AssessmentError(
                        error.code, "picture \(context.pictures.entries[picture].name): \(error.message)")
                }
                var distributions: [ClassDistribution] = []
                for candidate in candidates { distributions.append(try truths.distribution(of: candidate)) }
                var minima: [ChannelJudge.Minima] = []
                for tensors in crossing {
                    minima.append(
                        try judge.minima(over: tensors, candidates: distributions) { () throws(AssessmentError) in
                            try context.cancellation.check()
                            meter.advance(by: 1)
                        })
                }
                return minima
            }
        }
    }

    /// The picture and those before it (cyclically), whose null its IR images are: at most
    /// ``ChannelKL/maximumCandidates`` of all.
    static func candidates(for picture: Int, of count: Int) -> [Int] {
        (0..<min(count, ChannelKL.maximumCandidates)).map { (picture + count - $0) % count }
    }

    private static func channels(_ cut: Cut, _ context: StageContext) -> Int {
        cut.crossing.map { context.model.graph.type(of: $0).shape.dimensions }.filter(FeatureLayout.isMap)
            .reduce(0) { $0 + $1[1] }
    }
}
