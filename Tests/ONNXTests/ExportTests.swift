// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXExport
import ONNXImport
import ONNXNames
import ReferenceInference
import Tensors
import TestSupport
import Testing

@Suite struct ExportTests {
    @Test(
        "An exported model is imported as the same graph",
        .enabled(if: SharedFiles.isPresent, "\(SharedFiles.absence)"),
        arguments: SharedFiles.names(in: "models").filter {
            SharedFiles.exists("models/\($0)/model.onnx") && !$0.hasSuffix("-qdq")
        })
    func roundTrip(_ model: String) throws {
        let graph = try ONNXModel.load(path: SharedFiles.path("models/\(model)/model.onnx")).graph
        let file = try ONNXFile.encode(graph)
        #expect(try ONNXFile.encode(graph) == file)
        #expect(GraphFile.encode(try ONNXModel(bytes: file).graph) == GraphFile.encode(graph))
    }

    @Test("Softmax over several dimensions is exported with current operators and gives the same result")
    func flattenedSoftmax() throws {
        let type = TensorType(.float32, try Shape([2, 3, 4]))
        let graph = try Graph(
            name: "g", inputs: [Value(name: "x", type: type)], outputs: ["y"],
            nodes: [
                Node(
                    name: "n", operation: .softmax(Softmax(axis: 1, flattensTail: true)), inputs: ["x"], outputs: ["y"])
            ], constants: [:])
        let input = try Tensor((0..<24).map { Float($0 % 7) / 3 }, shape: [2, 3, 4])
        let again = try ONNXModel(bytes: try ONNXFile.encode(graph)).graph
        #expect(again.nodes.map(\.operation.onnxName) == ["Flatten", "Softmax", "Reshape"])
        try expectClose(
            try ReferenceExecutor(again).run([input])[0], try ReferenceExecutor(graph).run([input])[0], relative: 0,
            absolute: 0)
    }
}
