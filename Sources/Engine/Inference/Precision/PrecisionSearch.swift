// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
package import Tensors

/// Finds the products of a classifier that need a higher precision. It raises products from 8-bit integers to bfloat16,
/// and from bfloat16 to float32, until the outputs on calibration examples are within a bound.
package struct PrecisionSearch {
    private let graph: Graph
    private let draft: Draft
    private let ranges: [String: PrecisionTable.Range]
    private let examples: [[Tensor]]
    private let expected: [[Float]]
    private let threads: Int
    private let scores: ScoreKind
    private let multiplyAdds: [String: Int]

    /// Number of examples for measuring the products' sensitivities.
    private static let trialExamples = 16
    /// Share of the divergence bound that products may use in bfloat16 when they replace integers.
    private static let fallbackShare = 0.25

    /// Limits on the deviation of outputs from those in float32.
    package struct Bound: Sendable, Hashable {
        /// Mean KL divergence, in nats.
        package var divergence: Double
        /// Minimum top-1 agreement, 0 to 1.
        package var agreement: Double

        package init(divergence: Double, agreement: Double = 0) {
            self.divergence = divergence
            self.agreement = agreement
        }

        /// The default limits for a level. The share of other images that keep their top-1 class depends on how many
        /// have two nearly equal classes; `bench --accuracy` measures it.
        package static func standard(_ level: PrecisionTable.Level) -> Bound {
            level == .integer8
                ? Bound(divergence: 1e-3, agreement: 0.97) : Bound(divergence: 1e-4, agreement: 0.99)
        }

        fileprivate func holds(for agreement: OutputAgreement) -> Bool {
            agreement.meanDivergence <= divergence && agreement.top1 >= self.agreement
        }
    }

    /// - Parameters:
    ///   - ranges: Those of ``Calibrator``; not needed for bfloat16.
    ///   - examples: Calibration inputs. Without any, no product is raised.
    /// - Throws: ``InferenceError`` that names the node that cannot be computed.
    package init(
        _ graph: Graph, ranges: [String: PrecisionTable.Range], examples: [[Tensor]], threads: Int
    ) throws(InferenceError) {
        var options = PlanOptions(threads: threads)
        // Plans of reduced precision do not fold gates. The products must have the same operands here.
        options.foldsGates = false
        var draft = Draft(graph, options: options)
        try Optimizer.optimize(&draft)
        self.graph = graph
        self.draft = draft
        self.ranges = ranges
        self.examples = examples
        self.threads = threads
        multiplyAdds = Dictionary(
            zip(graph.nodes.map(\.name), graph.multiplyAddsByNode), uniquingKeysWith: { first, _ in first })
        scores = graph.scoreKind
        expected = try Self.outputs(Plan(compiling: graph, options: options), examples)
    }

    /// The level of each product: `level`, or a higher precision if needed.
    ///
    /// - Parameter bound: `nil` for ``Bound/standard(_:)``.
    package func table(
        _ level: PrecisionTable.Level, bound: Bound? = nil
    ) throws(InferenceError) -> PrecisionTable {
        let bound = bound ?? .standard(level)
        var levels = draft.products(level)
        guard !examples.isEmpty, level > .float32 else { return table(levels) }
        let float32 = levels.mapValues { _ in PrecisionTable.Level.float32 }
        if level == .integer8, try !bound.holds(for: agreement(levels)) {
            var share = bound
            share.divergence *= Self.fallbackShare
            let fallback = try raised(draft.products(.bfloat16), to: float32, bound: share)
            for (name, other) in fallback where levels[name] == .bfloat16 { levels[name] = other }
            levels = try raised(levels, to: fallback, bound: bound)
        } else {
            levels = try raised(levels, to: float32, bound: bound)
        }
        return table(levels)
    }

    private func table(_ levels: [String: PrecisionTable.Level]) -> PrecisionTable {
        draft.table(levels, ranges: ranges).restricted(to: graph)
    }

    /// Raises products to the levels of `fallback` until the bound holds, assuming that it holds for `fallback`.
    /// Products whose level changes the outputs most per multiply-add come first; their number is found by bisection.
    private func raised(
        _ levels: [String: PrecisionTable.Level], to fallback: [String: PrecisionTable.Level], bound: Bound
    ) throws(InferenceError) -> [String: PrecisionTable.Level] {
        guard try !bound.holds(for: agreement(levels)) else { return levels }
        var candidates: [(name: String, harm: Double)] = []
        for name in levels.keys.sorted() where levels[name] != fallback[name] {
            var alone = levels.mapValues { _ in PrecisionTable.Level.float32 }
            alone[name] = levels[name]
            let harm = try agreement(alone, on: Self.trialExamples).meanDivergence
            candidates.append((name, harm / Double(max(1, multiplyAdds[name] ?? 1))))
        }
        candidates.sort { ($0.harm, $1.name) > ($1.harm, $0.name) }
        func raised(_ count: Int) -> [String: PrecisionTable.Level] {
            levels.merging(candidates.prefix(count).map { ($0.name, fallback[$0.name] ?? .float32) }) { $1 }
        }
        var (low, high) = (0, candidates.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if try bound.holds(for: agreement(raised(middle))) { high = middle } else { low = middle }
        }
        return raised(high)
    }

    private func agreement(
        _ levels: [String: PrecisionTable.Level], on count: Int = .max
    ) throws(InferenceError) -> OutputAgreement {
        var options = PlanOptions(threads: threads, precision: Precision(table(levels)))
        options.keepsSlowPrecision = true
        let plan = try Plan(compiling: graph, options: options)
        var agreement = OutputAgreement(scores)
        for (actual, expected) in zip(try Self.outputs(plan, Array(examples.prefix(count))), expected) {
            agreement.add(expected: expected, actual: actual)
        }
        return agreement
    }

    private static func outputs(_ plan: Plan, _ inputs: [[Tensor]]) throws(InferenceError) -> [[Float]] {
        var all: [[Float]] = []
        for input in inputs { all.append((try? plan.run(input)[0].floats()) ?? []) }
        return all
    }
}
