// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import Imaging
import Inference
import ModelGraph
import Tensors

struct Run: Command {
    static let configuration = CommandConfiguration(
        abstract: "Run a model locally on a picture or a tensor.",
        discussion: "It prints the values of the model's output as they are, and what a server takes them for.")

    @OptionGroup var source: ModelArguments
    @OptionGroup var preprocess: PreprocessArguments
    @OptionGroup var engine: EngineArguments
    @OptionGroup var arithmetic: PrecisionArguments
    @Option(help: ArgumentHelp("A picture, or a .npy file with the input tensor.", valueName: "file")) var input: String
    @Option(help: ArgumentHelp("Number of classes to print.", valueName: "n")) var top = 5
    @Flag(help: "Print JSON.") var json = false

    func execute() async throws {
        let threads = try engine.resolvedThreads()
        let (source, input, arithmetic, preprocess) = (source, input, arithmetic, preprocess)
        let (result, scores, time, sinceStart) = try await onOwnThread {
            let beginning = ContinuousClock.now
            let isTensor = PreprocessArguments.isTensor(input)
            let model = try source.load(for: preprocess, asInFile: true, tensor: isTensor ? input : nil)
            for note in model.notes where note.contains("left out:") { printError("note: \(note)") }
            let tensors = try preprocess.inputs(input, for: model)
            let table = try arithmetic.resolved(for: model, preprocess, threads: threads)
            let (isHalf, scores) = (model.answersInHalf, model.scores)
            // The plan takes over the weights; if the model kept them too, they would be in memory twice.
            let plan = try Plan(
                compiling: (consume model).graph,
                options: PlanOptions(threads: threads, precision: Precision(table)))
            let start = ContinuousClock.now
            var outputs = try tensors.map { try plan.run([$0])[0] }
            // The file's own type, which other engines print too.
            if isHalf {
                outputs = try outputs.map {
                    try Tensor(try $0.floats().map { Float(Float16($0)) }, shape: $0.shape.dimensions)
                }
            }
            let end = ContinuousClock.now
            return (try Self.joined(outputs), scores, (end - start).milliseconds, (end - beginning).milliseconds)
        }
        let values = try result.floats()
        if let file = self.source.outputFile {
            try OutputFile.write(result.npyBytes(), to: file)
        }
        let notFinite = values.count { !$0.isFinite }
        if notFinite > 0 {
            printError("warning: \(notFinite) of \(values.count) values of the result are not finite")
        }
        // An untrusted number must not cause a trap.
        let best = values.indices.sorted { (values[$0], -$0) > (values[$1], -$1) }.prefix(max(0, top))
        if json {
            try printJSON(
                Answer(
                    model: source.model, shape: result.shape.dimensions, scores: scores,
                    top: best.map { .init(index: $0, value: values[$0]) }, milliseconds: time,
                    firstResultMilliseconds: sinceStart))
        } else {
            for index in best { print(String(format: "%6d  %.6g", index, values[index])) }
            print("the output is read as \(scores.summary)")
            print(String(format: "%.1f ms on %d threads", time, threads))
        }
    }

    /// The results for several images as one tensor, concatenated along the first axis.
    private static func joined(_ outputs: [Tensor]) throws -> Tensor {
        guard outputs.count > 1 else { return outputs[0] }
        let shape = outputs[0].shape.dimensions
        return try Tensor(
            try outputs.flatMap { try $0.floats() }, shape: [outputs.count * (shape.first ?? 1)] + shape.dropFirst())
    }

    private struct Answer: Encodable {
        struct Entry: Encodable {
            let index: Int
            let value: Float
        }

        let model: String
        let shape: [Int]
        let scores: ScoreKind
        let top: [Entry]
        let milliseconds: Double
        /// From opening the model's file to its first result.
        let firstResultMilliseconds: Double
    }
}
