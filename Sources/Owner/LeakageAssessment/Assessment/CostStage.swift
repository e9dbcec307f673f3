internal import Inference
internal import ModelGraph
internal import Tensors

/// What each cut costs: counted, and timed on this machine.
enum CostStage {
    /// Runs of which the fastest counts: whatever else the machine does only adds.
    private static let runs = 7

    static func run(
        _ configuration: AssessmentConfiguration, cuts: [Cut], mapping: Cut, input: Tensor,
        cancellation: CancellationFlag, progress: @escaping @Sendable (AssessmentProgress) -> Void
    ) throws(AssessmentError) -> (costs: [CutCost], modelMilliseconds: Double?) {
        let graph = configuration.model.graph
        let (work, parameters) = (graph.multiplyAddsByNode, graph.parametersByNode)
        let meter = ProgressMeter(.costs, total: cuts.count + 1, report: progress)
        var whole: Double?
        if configuration.measuresTime {
            let plan = try EngineBridge.compile(
                graph, name: configuration.model.name, threads: configuration.threads)
            whole = try time(plan, [input]).milliseconds
        }
        meter.advance(by: 1)
        var costs: [CutCost] = []
        for cut in cuts {
            try cancellation.check()
            // A cut at or behind the mapping unit leaves nothing outside.
            let front = cut.nodesInside < mapping.nodesInside ? cut : mapping
            let parts = try EngineBridge.graph { () throws(GraphError) in
                try graph.partitioned(front: front, mapping: mapping)
            }
            let outside = front.nodesInside..<mapping.nodesInside
            func inside(_ values: [Int]) -> Int {
                values.reduce(0, +) - outside.reduce(0) { $0 + values[$1] }
            }
            var times: (front: Double, back: Double)?
            if configuration.measuresTime { times = try timed(parts, input, configuration) }
            costs.append(
                CutCost(
                    multiplyAddsInside: inside(work), multiplyAdds: work.reduce(0, +),
                    parametersInside: inside(parameters),
                    boundaryBytes: (parts.backInputs + (parts.back == nil ? [] : parts.backOutputs))
                        .reduce(0) { $0 + $1.type.byteCount },
                    frontMilliseconds: times?.front, backMilliseconds: times?.back))
            meter.advance(by: 1)
        }
        return (costs, whole)
    }

    private static func timed(
        _ parts: TernaryPartition, _ input: Tensor, _ configuration: AssessmentConfiguration
    ) throws(AssessmentError) -> (front: Double, back: Double) {
        let front = try EngineBridge.compile(
            parts.front, name: configuration.model.name, threads: configuration.threads)
        let (frontTime, crossing) = try time(front, [input])
        guard let back = parts.back else { return (frontTime, 0) }
        let plan = try EngineBridge.compile(back, name: configuration.model.name, threads: configuration.threads)
        return (frontTime, try time(plan, Array(crossing.prefix(parts.backInputs.count))).milliseconds)
    }

    private static func time(
        _ plan: Plan, _ inputs: [Tensor]
    ) throws(AssessmentError) -> (milliseconds: Double, outputs: [Tensor]) {
        var outputs = try EngineBridge.run(plan, inputs)
        var fastest = Double.infinity
        for _ in 0..<runs {
            let start = ContinuousClock.now
            outputs = try EngineBridge.run(plan, inputs)
            fastest = min(fastest, (ContinuousClock.now - start) / .milliseconds(1))
        }
        return (fastest, outputs)
    }
}
