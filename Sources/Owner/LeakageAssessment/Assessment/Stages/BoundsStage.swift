// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// Tier 3: how the boundary tensors change with the image, and the distances between images there. One stored result
/// per image, and one per cut.
enum BoundsStage {
    /// Memory for the boundary tensors of all images at several cuts at once; it fits into the scratch space beside the
    /// images. One cut may need more, in a file.
    private static let groupBytes = ScratchSpace.memoryBytes / 2

    enum Outcome {
        /// One element per cut.
        case bounds([LeakageBounds])
        /// Left out, or a node has no derivative: the reason.
        case none(String?)
    }

    static func run(_ context: StageContext) throws(AssessmentError) -> Outcome {
        let count = min(context.decoded, context.configuration.bounds.pictures)
        guard count >= 2 else { return .none(nil) }
        do throws(AssessmentError) {
            _ = try JacobianProbe(context.model, cuts: context.cuts)
        } catch {
            guard error.code == .unsupportedModel else { throw error }
            return .none(error.message)
        }
        let meter = context.meter(.bounds, total: count + context.cuts.count)
        let lengths = try probe(context, Array(0..<count), meter)
        return .bounds(try bounds(context, lengths, meter))
    }

    /// Computes and stores the results for some of the images; nothing where a node has no derivative.
    static func prepare(_ context: StageContext, where isWanted: (Int) -> Bool) throws(AssessmentError) {
        let count = min(context.decoded, context.configuration.bounds.pictures)
        let pictures = (0..<count).filter(isWanted)
        guard count >= 2, !pictures.isEmpty else { return }
        do throws(AssessmentError) {
            _ = try probe(context, pictures, context.meter(.bounds, total: pictures.count))
        } catch {
            guard error.code == .unsupportedModel else { throw error }
        }
    }

    /// ‖Jv‖² of one image: one list of probes per cut.
    private struct Lengths: Sendable, Codable {
        var pixels: [[Double]]
        var thumbnail: [[Double]]
    }

    private static func probe(
        _ context: StageContext, _ pictures: [Int], _ meter: ProgressMeter
    ) throws(AssessmentError) -> [Lengths] {
        let cuts = context.cuts
        let probes = max(1, context.configuration.bounds.probes)
        return try WorkerThreads<Lengths>.map(count: pictures.count, threads: context.threads) {
            () throws(AssessmentError) in
            Lazily { () throws(AssessmentError) in try JacobianProbe(context.model, cuts: cuts) }
        } body: { (jacobian, item) throws(AssessmentError) in
            try context.cancellation.check()
            let picture = pictures[item]
            defer { meter.advance(by: 1) }
            let digest = context.pictures.entries[picture].digest
            let key = context.inputs.key("jacobian", pictures: [digest]) { hasher in
                hasher.add("probes", "\(probes)")
                for cut in cuts { hasher.add("cut", cut.name) }
            }
            return try context.work.result(of: key) { () throws(AssessmentError) in
                let jacobian = try jacobian.value()
                let input = try context.pictures.tensor(of: picture)
                var generator = SeededGenerator(seed: context.seed, purpose: "jacobian \(digest)")
                var lengths = Lengths(pixels: cuts.map { _ in [] }, thumbnail: cuts.map { _ in [] })
                for _ in 0..<probes {
                    let pixels = try jacobian.pixelProbe(at: input, &generator)
                    let thumbnail = try jacobian.thumbnailProbe(at: input, &generator)
                    for cut in cuts.indices {
                        lengths.pixels[cut].append(pixels[cut])
                        lengths.thumbnail[cut].append(thumbnail[cut])
                    }
                }
                guard lengths.pixels.joined().allSatisfy(\.isFinite) else {
                    throw AssessmentError(
                        .notFinite,
                        "the derivative at picture \(context.pictures.entries[picture].name) is not finite")
                }
                return lengths
            }
        }
    }

    private static func bounds(
        _ context: StageContext, _ lengths: [Lengths], _ meter: ProgressMeter
    ) throws(AssessmentError) -> [LeakageBounds] {
        let cuts = context.cuts
        let jacobian = Extents(context.model)
        let digests = context.decodedDigests.prefix(lengths.count)
        let keys = cuts.map { cut in
            context.inputs.key("bounds", pictures: digests) { hasher in
                hasher.add("probes", "\(context.configuration.bounds.probes)")
                hasher.add("cut", cut.name)
            }
        }
        var bounds = keys.map { context.work.kept($0, as: LeakageBounds.self) }
        for group in groups(bounds.indices.filter { bounds[$0] == nil }, context, pictures: lengths.count) {
            let grams = try grams(group, context, pictures: lengths.count)
            for (cut, found) in zip(group, grams) {
                try context.cancellation.check()
                bounds[cut] = try context.work.result(of: keys[cut]) { () throws(AssessmentError) in
                    LeakageBounds(
                        pixelProbes: lengths.map { $0.pixels[cut] }, thumbnailProbes: lengths.map { $0.thumbnail[cut] },
                        pixels: jacobian.pixels, thumbnailPixels: jacobian.thumbnailPixels,
                        area: jacobian.blockSide * jacobian.blockSide, rootMeanSquare: found.rootMeanSquare,
                        candidates: CandidateSet(gram: found.gram), seed: context.seed)
                }
            }
        }
        meter.advance(by: cuts.count)
        return bounds.compactMap { $0 }
    }

    private static func elements(_ cut: Cut, _ context: StageContext) -> Int {
        cut.crossing.reduce(0) { $0 + context.model.graph.type(of: $1).shape.elementCount }
    }

    private static func groups(_ cuts: [Int], _ context: StageContext, pictures: Int) -> [[Int]] {
        var groups: [[Int]] = []
        var bytes = groupBytes
        for cut in cuts {
            let size = 4 * pictures * elements(context.cuts[cut], context)
            if bytes + size > groupBytes {
                groups.append([])
                bytes = 0
            }
            groups[groups.count - 1].append(cut)
            bytes += size
        }
        return groups
    }

    /// Inner products of the boundary tensors. What does not fit into memory, at a cut with large maps, is stored in a
    /// file.
    private static func grams(
        _ cuts: [Int], _ context: StageContext, pictures: Int
    ) throws(AssessmentError) -> [(gram: SymmetricMatrix, rootMeanSquare: Double)] {
        var stores: [RecordStore<Float>] = []
        for cut in cuts {
            stores.append(
                try RecordStore(count: pictures, length: elements(context.cuts[cut], context), in: context.scratch))
        }
        let records = stores
        _ = try WorkerThreads<Void>.map(count: pictures, threads: context.threads) { () throws(AssessmentError) in
            try CutProbe(context.model, cuts: cuts.map { context.cuts[$0] })
        } body: { (probe, picture) throws(AssessmentError) in
            try context.cancellation.check()
            let crossing = try probe.crossing(of: try context.pictures.tensor(of: picture))
            for (tensors, store) in zip(crossing, records) {
                try store.write(tensors.flatMap { $0.withElements(as: Float.self) { Array($0) } }, at: picture)
            }
        }
        var found: [(gram: SymmetricMatrix, rootMeanSquare: Double)] = []
        for store in records {
            try context.cancellation.check()
            let gram = GramMatrix.of(store)
            try store.check()
            found.append((gram, (gram.meanDiagonal / Double(max(1, store.length))).squareRoot()))
        }
        return found
    }
}
