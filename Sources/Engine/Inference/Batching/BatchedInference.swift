// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
import Synchronization
package import Tensors

/// Inference on any number of images at a time with a bounded number of plans. A batch is split into powers of two, so
/// that a new batch size needs no new plan.
///
/// If the graph fixes its batch size (by a Reshape to a literal 1, for example), or if the result of an image depends
/// on the other images of its batch, images run one at a time.
package final class BatchedInference: Sendable {
    /// The number of images of the smallest plan: 1, or the batch size that the graph fixes.
    private let unit: Int
    private let inputs: [Value]
    private let outputs: [TensorType]
    private let cache: PlanCache
    private let maximumBatch: Int
    private let maximumPlans: Int
    private let options: PlanOptions
    /// Whether batches of several images give correct results; `nil` until the first such batch.
    private let canGrow = Mutex<Bool?>(nil)

    /// - Parameters:
    ///   - graph: Its weights are kept for later plans. The first extent of each input is the batch size.
    ///   - maximumBatch: Maximum number of images in a run of one plan.
    ///   - maximumPlans: Maximum number of plans that are kept.
    /// - Throws: ``InferenceError`` with code `invalidInputs` if inputs and outputs have no common batch size.
    package init(
        _ graph: Graph, options: PlanOptions, maximumBatch: Int = 16, maximumPlans: Int = 5
    ) throws(InferenceError) {
        let batches = Set(graph.inputs.map { $0.type.shape.dimensions.first ?? 0 })
        guard batches.count == 1, let batch = batches.first, batch > 0 else {
            throw InferenceError(.invalidInputs, "the inputs of the graph have no batch in common")
        }
        let single = batch == 1 ? graph : try? graph.withBatch(1)
        let chosen = single ?? graph
        unit = single == nil ? batch : 1
        inputs = chosen.inputs
        outputs = chosen.outputs.map(chosen.type)
        self.maximumBatch = max(1, maximumBatch)
        self.maximumPlans = max(1, maximumPlans)
        self.options = options
        cache = PlanCache(chosen, options: options, capacity: maximumPlans)
        let hasBatch = outputs.allSatisfy { [unit] in $0.shape.dimensions.first == unit }
        guard hasBatch else { throw InferenceError(.invalidInputs, "the outputs of the graph have no batch") }
        if single == nil || maximumBatch < 2 || maximumPlans < 2 { canGrow.withLock { $0 = false } }
    }

    /// The number of plans that were compiled so far, and of those that are kept.
    package var planCounts: (compilations: Int, kept: Int) { cache.counts }

    /// Computes the outputs of a batch. They equal those of each image alone to 1e-5 of the largest value, in float32.
    ///
    /// - Parameter given: Tensors in the order of the graph's inputs, `[n, …]` each. If the graph fixes its batch size,
    ///   `n` is a multiple of it.
    /// - Throws: ``InferenceError`` with code `invalidInputs` for other types, other numbers of images, or none.
    package func run(_ given: [Tensor]) throws(InferenceError) -> [Tensor] {
        let count = try checkedCount(given)
        if count == unit { return try cache.plan(for: nil).run(given) }
        let parts = BatchParts.sizes(
            of: count / unit, largest: try grows() ? maximumBatch : 1, kinds: maximumPlans)
        var results: [[Tensor]] = []
        var first = 0
        for part in parts {
            let images = part * unit
            var rows: [Tensor] = []
            for tensor in given { rows.append(try tensor.images(first..<first + images)) }
            results.append(try cache.plan(for: part == 1 ? nil : part).run(rows))
            first += images
        }
        var joined: [Tensor] = []
        for (position, type) in outputs.enumerated() {
            joined.append(try Tensor.joining(results.map { $0[position] }, type, images: count, options.allocator))
        }
        return joined
    }

    private func checkedCount(_ given: [Tensor]) throws(InferenceError) -> Int {
        let count = given.first?.shape.dimensions.first ?? 0
        let isRight =
            given.count == inputs.count
            && zip(given, inputs).allSatisfy { tensor, input in
                tensor.element == input.type.element
                    && tensor.shape.dimensions == [count] + input.type.shape.dimensions.dropFirst()
            }
        guard isRight, count > 0, count % unit == 0 else {
            throw InferenceError(
                .invalidInputs, "a batch of \(inputs.map(\.type)) was expected, found \(given.map(\.type))")
        }
        return count
    }

    /// Whether batches of several images give the same results as each image alone. Shapes do not show this: a graph
    /// may combine the images of a batch. So two images are computed both ways once.
    private func grows() throws(InferenceError) -> Bool {
        try canGrow.withLock { (known) throws(InferenceError) in
            if let known { return known }
            let answer = try areIndependent()
            known = answer
            return answer
        }
    }

    private func areIndependent() throws(InferenceError) -> Bool {
        let single = try cache.plan(for: nil)
        let pair: Plan
        do throws(InferenceError) { pair = try cache.plan(for: 2) } catch {
            guard error.code == .unsupported else { throw error }
            return false
        }
        let expected = outputs.map { [2] + $0.shape.dimensions.dropFirst() }
        guard pair.outputs.map(\.type.shape.dimensions) == expected else { return false }
        let probes = pair.inputs.enumerated().map { Tensor.probe($1.type, seed: UInt32($0)) }
        let together = try pair.run(probes)
        for image in 0..<2 {
            var rows: [Tensor] = []
            for probe in probes { rows.append(try probe.images(image..<image + 1)) }
            for (alone, both) in zip(try single.run(rows), together) {
                let difference = alone.relativeDifference(to: try both.images(image..<image + 1))
                guard difference <= (options.precision.level == .float32 ? 1e-4 : 0.1) else { return false }
            }
        }
        return true
    }
}
