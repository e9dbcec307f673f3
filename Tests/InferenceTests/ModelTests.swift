// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import ONNXImport
import Tensors
import TestSupport
import Testing

@Suite(.enabled(if: SharedFiles.isPresent, "\(SharedFiles.absence)"))
struct ModelTests {
    /// Models with the names of their stored tensors.
    static let stored = SharedFiles.names(in: "models").flatMap { model in
        SharedFiles.names(in: "models/\(model)")
            .filter { $0.hasPrefix("input-") && SharedFiles.exists("models/\(model)/model.onnx") }
            .map { [model, String($0.dropFirst("input-".count))] }
    }

    @Test("Stored outputs exist for at least seven models")
    func isComplete() { #expect(Set(Self.stored.map { $0[0] }).count >= 7) }

    @Test(
        "A trained model agrees with ONNX Runtime's stored output to 1e-4 of the largest, on one thread and on two",
        arguments: stored)
    func agrees(_ pair: [String]) throws {
        let (model, name) = (pair[0], pair[1])
        let graph = try ONNXModel.load(path: SharedFiles.path("models/\(model)/model.onnx")).graph
        let input = try SharedFiles.array("models/\(model)/input-\(name)")
        let expected = try SharedFiles.array("models/\(model)/output-\(name)")
        for threads in 1...2 {
            let plan = try Plan(compiling: graph, options: PlanOptions(threads: threads))
            let output = try #require(try plan.run([input]).first)
            try expectClose(output, expected, relativeToLargest: 1e-4, "\(threads) threads")
        }
    }

    static let partitioned = ["squeezenet-1.1", "mobilenet-v2-1.0", "resnet20-cifar10"]

    @Test(
        "FrontNet, BackNet and mapping unit in sequence agree with the whole to 1e-5, and repeat bit-identically",
        arguments: partitioned)
    func composes(_ model: String) throws {
        let graph = try ONNXModel.load(path: SharedFiles.path("models/\(model)/model.onnx")).graph
        var noise = Noise(seed: 7)
        let input = try noise.tensor(graph.inputs[0].type.shape.dimensions)
        let whole = try Plan(compiling: graph).run([input])[0]
        let cuts = graph.cuts.filter { !$0.exposesInput }
        // A front cut early, in the middle and after a third; the last pair has an empty BackNet.
        let places = [(1, cuts.count - 2), (cuts.count / 2, cuts.count - 1), (cuts.count / 3, cuts.count / 3)]
        for (front, mapping) in places {
            let partition = try graph.partitioned(front: cuts[front], mapping: cuts[mapping])
            let first = try composed(partition, input)
            try expectClose(first, whole, relativeToLargest: 1e-5, "\(cuts[front].name) to \(cuts[mapping].name)")
            #expect(try composed(partition, input).floats() == first.floats())
        }
    }

    private func composed(_ partition: TernaryPartition, _ input: Tensor) throws -> Tensor {
        let front = try Plan(compiling: partition.front).run([input])
        var values = Dictionary(uniqueKeysWithValues: zip(partition.front.outputs, front))
        if let back = partition.back {
            let made = try Plan(compiling: back).run(Array(front.prefix(partition.backInputs.count)))
            values.merge(zip(back.outputs, made)) { $1 }
        }
        let inputs = try partition.mapping.inputs.map { try #require(values[$0.name]) }
        return try Plan(compiling: partition.mapping).run(inputs)[0]
    }
}
