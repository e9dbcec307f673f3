// SPDX-License-Identifier: Apache-2.0
internal import Inference
internal import ModelGraph
internal import Tensors

/// The cost of each plan: arithmetic, bytes and memory are counted, times measured on this machine.
enum CostStage {
    /// Number of rounds, of which the fastest counts: other load only adds time. After the first three, a
    /// round begins only within the limit.
    private static let rounds = 3...7
    private static let roundsLimit = Duration.seconds(3)

    struct Outcome: Codable {
        /// One per cut, with the smallest possible mapping unit.
        let costs: [CutCost]
        /// The cost of everything inside.
        let whole: CutCost
        private let shallower: String?
        private let shallowerCosts: [CutCost?]

        fileprivate init(costs: [CutCost], whole: CutCost, shallower: String?, shallowerCosts: [CutCost?]) {
            self.costs = costs
            self.whole = whole
            self.shallower = shallower
            self.shallowerCosts = shallowerCosts
        }

        /// The costs with one more layer in the mapping unit; `nil` for cuts that are not before it.
        var shallowerMapping: (name: String, costs: [CutCost?])? { shallower.map { ($0, shallowerCosts) } }
    }

    /// Times are stored as well: a resumed assessment has those of its first run.
    static func run(_ context: StageContext) throws(AssessmentError) -> Outcome {
        let (configuration, pictures) = (context.configuration, context.pictures)
        let key = context.inputs.key("costs", pictures: [pictures.entries[0].digest]) { hasher in
            for cut in context.cuts { hasher.add("cut", cut.name) }
            hasher.add("threads", "\(configuration.threads)")
            hasher.add("measures time", "\(configuration.measuresTime)")
        }
        return try context.work.result(of: key) { () throws(AssessmentError) in
            try run(
                configuration, cuts: context.cuts, mapping: context.mapping, input: try pictures.tensor(of: 0),
                cancellation: context.cancellation, progress: context.progress)
        }
    }

    static func run(
        _ configuration: AssessmentConfiguration, cuts: [Cut], mapping: Cut, input: Tensor,
        cancellation: CancellationFlag, progress: @escaping @Sendable (AssessmentProgress) -> Void
    ) throws(AssessmentError) -> Outcome {
        let graph = configuration.model.graph
        let meter = ProgressMeter(.costs, total: cuts.count + 1, report: progress)
        let rate = configuration.measuresTime ? CrossingRate.measure() : nil
        let wholePlan = try EngineBridge.compile(
            graph, name: configuration.model.name, threads: configuration.threads, extraMemory: .enclave)
        let whole = try cost(configuration, front: mapping, mapping: mapping, input, rate, wholePlan)
        meter.advance(by: 1)
        let shallower = graph.assessableCuts.last { $0.nodesInside < mapping.nodesInside }
        var (costs, others): ([CutCost], [CutCost?]) = ([], [])
        for cut in cuts {
            try cancellation.check()
            // A cut at or after the mapping cut leaves nothing outside.
            let front = cut.nodesInside < mapping.nodesInside ? cut : mapping
            costs.append(try cost(configuration, front: front, mapping: mapping, input, rate, wholePlan))
            if let shallower, cut.nodesInside < shallower.nodesInside {
                others.append(try cost(configuration, front: cut, mapping: shallower, input, rate, wholePlan))
            } else {
                others.append(nil)
            }
            meter.advance(by: 1)
        }
        return Outcome(costs: costs, whole: whole, shallower: shallower?.name, shallowerCosts: others)
    }

    private static func cost(
        _ configuration: AssessmentConfiguration, front: Cut, mapping: Cut, _ input: Tensor, _ rate: Double?,
        _ wholePlan: Plan
    ) throws(AssessmentError) -> CutCost {
        let graph = configuration.model.graph
        let parts = try EngineBridge.graph { () throws(GraphError) in
            try graph.partitioned(front: front, mapping: mapping)
        }
        let outside = front.nodesInside..<mapping.nodesInside
        func inside(_ values: [Int]) -> Int {
            values.reduce(0, +) - outside.reduce(0) { $0 + values[$1] }
        }
        let bytes = (parts.backInputs + (parts.back == nil ? [] : parts.backOutputs))
            .reduce(0) { $0 + $1.type.byteCount }
        func compile(_ graph: Graph, _ extraMemory: ExtraMemory) throws(AssessmentError) -> Plan {
            try EngineBridge.compile(
                graph, name: configuration.model.name, threads: configuration.threads, extraMemory: extraMemory)
        }
        let frontPlan = try compile(parts.front, .enclave)
        // A mapping unit without layers of its own has nothing to compute.
        let mappingPlan = parts.mapping.nodes.isEmpty ? nil : try compile(parts.mapping, .none)
        let times =
            configuration.measuresTime ? try time(parts, frontPlan, mappingPlan, wholePlan, input, compile) : nil
        let work = graph.multiplyAddsByNode
        return CutCost(
            multiplyAddsInside: inside(work), multiplyAdds: work.reduce(0, +),
            parametersInside: inside(graph.parametersByNode), boundaryBytes: bytes,
            frontMilliseconds: times?.front, backMilliseconds: times?.back, mappingMilliseconds: times?.mapping,
            crossingMilliseconds: rate.map { $0 * Double(bytes) }, wholeMilliseconds: times?.whole,
            timingSpread: times?.spread,
            enclaveBytes: bytesHeld(frontPlan) + (mappingPlan.map(bytesHeld) ?? 0))
    }

    private static func bytesHeld(_ plan: Plan) -> Int {
        plan.memory.constantBytes + plan.memory.arenaBytes + plan.memory.scratchBytes
    }

    /// Times the parts and the whole model in interleaved rounds.
    private static func time(
        _ parts: TernaryPartition, _ front: Plan, _ mapping: Plan?, _ whole: Plan, _ input: Tensor,
        _ compile: (Graph, ExtraMemory) throws(AssessmentError) -> Plan
    ) throws(AssessmentError) -> InterleavedTimes {
        var values = Dictionary(
            zip(parts.front.outputs, try EngineBridge.run(front, [input])), uniquingKeysWith: { first, _ in first })
        let backInputs = parts.backInputs.compactMap { values[$0.name] }
        let back = try parts.back.map { (graph) throws(AssessmentError) in try compile(graph, .plenty) }
        if let back, let graph = parts.back {
            for (name, tensor) in zip(graph.outputs, try EngineBridge.run(back, backInputs)) { values[name] = tensor }
        }
        let mappingInputs = parts.mapping.inputs.compactMap { values[$0.name] }
        _ = try EngineBridge.run(whole, [input])
        func milliseconds(_ plan: Plan?, _ inputs: [Tensor]) throws(AssessmentError) -> Double {
            guard let plan else { return 0 }
            let start = ContinuousClock.now
            _ = try EngineBridge.run(plan, inputs)
            return (ContinuousClock.now - start) / .milliseconds(1)
        }
        var timed: [InterleavedTimes.Round] = []
        let start = ContinuousClock.now
        while timed.count < rounds.lowerBound
            || (timed.count < rounds.upperBound && ContinuousClock.now - start < roundsLimit)
        {
            timed.append(
                .init(
                    front: try milliseconds(front, [input]), back: try milliseconds(back, backInputs),
                    mapping: try milliseconds(mapping, mappingInputs), whole: try milliseconds(whole, [input])))
        }
        return InterleavedTimes(timed)
    }
}
