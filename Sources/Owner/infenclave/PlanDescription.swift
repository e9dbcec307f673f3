// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Inference
import ModelGraph
import Tensors

/// The output of `inspect --plan`: how the engine computes the model on this machine.
struct PlanDescription: Encodable {
    struct Step: Encodable {
        let node, kind, implementation, result: String
        let fused: [String]
        let milliseconds: Double
    }

    struct Rewrite: Encodable {
        let pass, node: String
    }

    let steps: [Step]
    let rewrites: [Rewrite]
    let threads: Int
    let milliseconds: Double
    let constantBytes, arenaBytes, scratchBytes: Int

    /// Number of runs; each step's time is the median.
    private static let runs = 9

    /// Compiles the graph and runs it on zeros.
    init(_ graph: Graph, threads: Int) throws {
        let plan = try Plan(compiling: graph, options: PlanOptions(threads: threads))
        let inputs = try plan.inputs.map { try InputMemory.tensor($0.type) }
        var durations: [[Double]] = plan.steps.map { _ in [] }
        for _ in 0..<Self.runs {
            for (step, duration) in try plan.profile(inputs).durations.enumerated() {
                durations[step].append(duration.milliseconds)
            }
        }
        let medians = durations.map { $0.sorted()[Self.runs / 2] }
        steps = zip(plan.steps, medians).map { step, milliseconds in
            Step(
                node: step.name, kind: step.kind, implementation: step.implementation, result: step.result,
                fused: step.fused, milliseconds: milliseconds)
        }
        rewrites = plan.rewrites.map { Rewrite(pass: $0.pass, node: $0.node) }
        self.threads = threads
        milliseconds = medians.reduce(0, +)
        constantBytes = plan.memory.constantBytes
        arenaBytes = plan.memory.arenaBytes
        scratchBytes = plan.memory.scratchBytes
    }

    var table: String {
        var rows = [["node", "computes", "fused into it", "by", "result", "ms"]]
        for step in steps {
            rows.append([
                step.node, step.kind, step.fused.joined(separator: ", "), step.implementation, step.result,
                inMilliseconds(step.milliseconds),
            ])
        }
        var counts: [String: Int] = [:]
        for rewrite in rewrites { counts[rewrite.pass, default: 0] += 1 }
        let passes = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        return [
            TextTable(rows: rows, rightAligned: [5]).description, "passes: \(passes.isEmpty ? "none" : passes)",
            "weights \(formatted(bytes: constantBytes)), activations \(formatted(bytes: arenaBytes)), "
                + "scratch \(formatted(bytes: scratchBytes))",
            "\(inMilliseconds(milliseconds)) ms on \(threads) threads, medians of \(Self.runs) runs",
        ].joined(separator: "\n")
    }

    private func inMilliseconds(_ milliseconds: Double) -> String {
        let thousandths = Int((milliseconds * 1000).rounded())
        return "\(thousandths / 1000).\(String(1000 + thousandths % 1000).dropFirst())"
    }
}
