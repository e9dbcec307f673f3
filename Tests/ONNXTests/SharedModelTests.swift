// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXImport
import ReferenceInference
import Tensors
import TestSupport
import Testing

@Suite(.enabled(if: SharedFiles.isPresent, "\(SharedFiles.absence)"))
struct SharedModelTests {
    /// Models with the names of their stored tensors.
    static let stored = SharedFiles.names(in: "models").flatMap { model in
        SharedFiles.names(in: "models/\(model)")
            .filter { $0.hasPrefix("input-") && SharedFiles.exists("models/\(model)/model.onnx") }
            .map { [model, String($0.dropFirst("input-".count))] }
    }

    @Test("A trained model agrees with ONNX Runtime's stored output", arguments: stored)
    func agrees(_ pair: [String]) throws {
        let (model, name) = (pair[0], pair[1])
        let graph = try ONNXModel.load(path: SharedFiles.path("models/\(model)/model.onnx")).graph
        let input = try SharedFiles.array("models/\(model)/input-\(name)")
        let expected = try SharedFiles.array("models/\(model)/output-\(name)")
        let output = try #require(try ReferenceExecutor(graph).run([input]).first)
        try expectClose(output, expected, relativeToLargest: 1e-4)
    }

    @Test(
        "Every float32 model of the collection can be imported with another batch",
        arguments: SharedFiles.names(in: "models").filter {
            SharedFiles.exists("models/\($0)/model.onnx") && !$0.hasSuffix("-qdq") && $0 != "mnist-cnn"
        })
    func imports(_ model: String) throws {
        let imported = try ONNXModel.load(path: SharedFiles.path("models/\(model)/model.onnx"), batch: 3)
        let graph = imported.graph
        #expect(graph.inputs.map { $0.type.shape[0] } == [3])
        #expect(graph.type(of: graph.outputs[0]).shape[0] == 3)
        #expect(imported.notes.count == 1)
        let single = try ONNXModel.load(path: SharedFiles.path("models/\(model)/model.onnx")).graph
        #expect(try single.withBatch(3).types == graph.types)
    }
}
