// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import Inference
import ModelGraph
import Tensors

/// The output of `inspect --plan`: how the engine computes the model on this machine.
struct PlanDescription: Encodable {
    struct Step: Encodable {
        let node, kind, implementation, result: String
        let fused: [String]
        let milliseconds: Double
        /// The mean of the threads' shares, divided by the largest: 1 if all threads have the same work. `nil` on one thread.
        let balance: Double?
    }

    /// The time if each thread had a core of its own: the largest share of each step, without waiting and without
    /// contention for memory.
    struct Simulation: Encodable {
        let milliseconds: Double
        /// How many times as long all shares take one after the other.
        let speedUp: Double
    }

    struct Rewrite: Encodable {
        let pass, node: String
    }

    let steps: [Step]
    let rewrites: [Rewrite]
    let threads: Int
    let milliseconds: Double
    /// `nil` on one thread.
    let simulation: Simulation?
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
        let shares = threads > 1 ? try Self.shares(of: plan, inputs) : nil
        steps = plan.steps.indices.map { index in
            let step = plan.steps[index]
            return Step(
                node: step.name, kind: step.kind, implementation: step.implementation, result: step.result,
                fused: step.fused, milliseconds: medians[index],
                balance: shares.flatMap { $0[index].balance(threads: threads) })
        }
        simulation = shares.map { Self.simulation($0) }
        rewrites = plan.rewrites.map { Rewrite(pass: $0.pass, node: $0.node) }
        self.threads = threads
        milliseconds = medians.reduce(0, +)
        constantBytes = plan.memory.constantBytes
        arenaBytes = plan.memory.arenaBytes
        scratchBytes = plan.memory.scratchBytes
    }

    /// Median times of each step's shares.
    private struct Shares {
        var serial, longest, all: Double

        /// `nil` for a step without a parallel region.
        func balance(threads: Int) -> Double? { longest > 0 ? all / (longest * Double(threads)) : nil }
    }

    private static func shares(of plan: Plan, _ inputs: [Tensor]) throws -> [Shares] {
        let runs = try (0..<runs).map { _ in try plan.balance(inputs) }
        return plan.steps.indices.map { step in
            func median(_ time: (StepShares) -> Duration) -> Double {
                runs.map { time($0[step]).milliseconds }.sorted()[runs.count / 2]
            }
            return Shares(serial: median(\.serial), longest: median(\.longest), all: median(\.all))
        }
    }

    private static func simulation(_ shares: [Shares]) -> Simulation {
        let parallel = shares.map { $0.serial + $0.longest }.reduce(0, +)
        let single = shares.map { $0.serial + $0.all }.reduce(0, +)
        return Simulation(milliseconds: parallel, speedUp: single / parallel)
    }

    var table: String {
        var rows = [["node", "computes", "fused into it", "by", "result", "ms"]]
        if simulation != nil { rows[0].append("balance") }
        for step in steps {
            var row = [
                step.node, step.kind, step.fused.joined(separator: ", "), step.implementation, step.result,
                inMilliseconds(step.milliseconds),
            ]
            if simulation != nil { row.append(step.balance.map { String(format: "%.2f", $0) } ?? "-") }
            rows.append(row)
        }
        var counts: [String: Int] = [:]
        for rewrite in rewrites { counts[rewrite.pass, default: 0] += 1 }
        let passes = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        let lines =
            [
                TextTable(rows: rows, rightAligned: [5, 6]).description, "passes: \(passes.isEmpty ? "none" : passes)",
                "weights \(formatted(bytes: constantBytes)), activations \(formatted(bytes: arenaBytes)), "
                    + "scratch \(formatted(bytes: scratchBytes))",
                "\(inMilliseconds(milliseconds)) ms on \(threads) threads, medians of \(Self.runs) runs",
            ] + (simulation.map { [text($0)] } ?? [])
        return lines.joined(separator: "\n")
    }

    private func text(_ simulation: Simulation) -> String {
        let times = String(format: "%.2f", simulation.speedUp)
        return """
            simulated with a core for each thread: \(inMilliseconds(simulation.milliseconds)) ms, \(times) times as fast as \
            one thread; balance is the mean share of a step's threads divided by the largest
            """
    }

    private func inMilliseconds(_ milliseconds: Double) -> String {
        let thousandths = Int((milliseconds * 1000).rounded())
        return "\(thousandths / 1000).\(String(1000 + thousandths % 1000).dropFirst())"
    }
}
