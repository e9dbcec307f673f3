// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// Tier 1: the channel KL of every cut that has feature maps. One stored result per image and cut.
enum ChannelStage {
    /// What ``run(_:truths:decides:)`` finds.
    struct Outcome {
        /// One element per cut; `nil` where no boundary tensor is a feature map, and at ``missing``.
        fileprivate(set) var found: [ChannelKL?]
        /// Indices of the cuts for which the deadline of the context left no time.
        fileprivate(set) var missing: [Int] = []
    }

    /// Cuts where it decides come first, the deepest of them before the others.
    ///
    /// - Parameter decides: Per cut, whether the channel KL can still change the verdict.
    static func run(
        _ context: StageContext, truths: Truths, decides: [Bool]
    ) throws(AssessmentError) -> Outcome {
        let baseline = try truths.map(KullbackLeibler.uniformBaseline)
        let counts = decides.map { count($0, context, truths) }
        let indices = context.cuts.indices.filter { channels(context.cuts[$0], context) > 0 }
        let total = indices.reduce(0) { $0 + counts[$1] * channels(context.cuts[$1], context) }
        let meter = context.meter(.channelKL, total: total)
        var outcome = Outcome(found: context.cuts.map { _ in nil })
        for index in indices.reversed().filter({ decides[$0] }) + indices.reversed().filter({ !decides[$0] }) {
            let count = counts[index]
            let measured = try context.untilDeadline { () throws(AssessmentError) in
                try minima(context, at: context.cuts[index], truths: truths, among: count, meter: meter)
            }
            guard let minima = measured else {
                outcome.missing.append(index)
                continue
            }
            // The IR images of the image `distance` positions later were compared with this one at index `distance`.
            let divergences = minima.indices.map { picture in
                minima[picture].divergences.indices.map { distance in
                    minima[(picture + distance) % minima.count].divergences[distance]
                }
            }
            outcome.found[index] = try ChannelKL(
                divergences: divergences, baseline: Array(baseline.prefix(count)),
                closestChannel: minima.map(\.closestChannel), judged: try truths.judged(ofFirst: count))
        }
        return outcome
    }

    /// Computes and stores the results of these cuts.
    static func prepare(
        _ context: StageContext, truths: Truths, of cuts: [(cut: Cut, decides: Bool)]
    ) throws(AssessmentError) {
        let possible = cuts.filter { channels($0.cut, context) > 0 }
        let meter = context.meter(
            .channelKL,
            total: possible.reduce(0) { $0 + count($1.decides, context, truths) * channels($1.cut, context) })
        for (cut, decides) in possible {
            _ = try minima(context, at: cut, truths: truths, among: count(decides, context, truths), meter: meter)
        }
    }

    /// Number of IR images to classify if every cut fails another gate.
    static func leastImages(_ context: StageContext) -> Int {
        let configuration = context.configuration
        let pictures = min(context.channelPictures.count, max(2, configuration.fewChannelImages))
        return context.cuts.reduce(0) { $0 + pictures * channels($1, context) }
    }

    private static func count(_ decides: Bool, _ context: StageContext, _ truths: Truths) -> Int {
        decides ? truths.count : min(truths.count, max(2, context.configuration.fewChannelImages))
    }

    /// - Parameter count: The number of images, the first of `truths`, which are each other's candidates.
    /// - Returns: One element per image.
    private static func minima(
        _ context: StageContext, at cut: Cut, truths: Truths, among count: Int, meter: ProgressMeter
    ) throws(AssessmentError) -> [ChannelJudge.Minima] {
        let layouts = cut.crossing.map(context.model.graph.mapLayout(of:))
        let total = channels(cut, context)
        return try WorkerThreads<ChannelJudge.Minima>.map(count: count, threads: context.threads) {
            () throws(AssessmentError) in
            Lazily { () throws(AssessmentError) in
                (
                    probe: try CutProbe(context.model, cuts: [cut]),
                    judge: try ChannelJudge(context.validator)
                )
            }
        } body: { (tools, picture) throws(AssessmentError) in
            try context.cancellation.check()
            let candidates = candidates(for: picture, of: count)
            let entry = context.pictures.entries[truths.pictures[picture]]
            let digests = candidates.map { context.pictures.entries[truths.pictures[$0]].digest }
            let key = context.inputs.key("channel-kl", pictures: digests) { $0.add("cut", cut.name) }
            if let known = context.work.kept(key, as: ChannelJudge.Minima.self) {
                meter.advance(by: total)
                return known
            }
            return try context.work.result(of: key) { () throws(AssessmentError) in
                let (probe, judge) = try tools.value()
                let input = try context.pictures.tensor(of: truths.pictures[picture])
                let crossing: [Tensor]
                do throws(AssessmentError) { crossing = try probe.crossing(of: input)[0] } catch {
                    throw AssessmentError(error.code, "picture \(entry.name): \(error.message)")
                }
                var distributions: [ClassDistribution] = []
                for candidate in candidates { distributions.append(try truths.distribution(of: candidate)) }
                return try judge.minima(over: crossing, layouts: layouts, candidates: distributions) {
                    () throws(AssessmentError) in
                    try context.cancellation.check()
                    meter.advance(by: 1)
                }
            }
        }
    }

    /// The image and those before it (cyclically), for whose null its IR images are used: at most
    /// ``ChannelKL/maximumCandidates``.
    static func candidates(for picture: Int, of count: Int) -> [Int] {
        (0..<min(count, ChannelKL.maximumCandidates)).map { (picture + count - $0) % count }
    }

    private static func channels(_ cut: Cut, _ context: StageContext) -> Int {
        cut.crossing.compactMap(context.model.graph.mapLayout(of:)).reduce(0) { $0 + $1.channels }
    }
}
