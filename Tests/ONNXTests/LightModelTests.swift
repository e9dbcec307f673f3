// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXImport
import ReferenceInference
import Tensors
import TestSupport
import Testing

/// Well-known topologies of the ONNX project whose weights are made by nodes. One at a time: their weights are large.
@Suite(.serialized, .enabled(if: SharedFiles.exists("models/light"), "\(SharedFiles.absence)"))
struct LightModelTests {
    static let names = SharedFiles.names(in: "models/light").filter { $0.hasSuffix(".onnx") }.map { $0.dropLast(5) }

    @Test(
        "A model of opset 9 can be imported, and a small one gives the stored output",
        arguments: names.map(String.init))
    func imports(_ name: String) throws {
        let graph = try ONNXModel.load(path: SharedFiles.path("models/light/\(name).onnx")).graph
        let expected = try ONNXTensorFile.load(path: SharedFiles.path("models/light/\(name)_output_0.pb")).tensor
        #expect(graph.outputs.map(graph.type(of:)) == [expected.type])

        // Plain loops take a second for so many.
        guard graph.multiplyAddsByNode.reduce(0, +) < 900_000_000 else { return }
        let count = graph.inputs[0].type.shape.elementCount
        let input = try Tensor(
            (0..<count).map { Float($0) / Float(count) }, shape: graph.inputs[0].type.shape.dimensions)
        let output = try #require(try ReferenceExecutor(graph).run([input]).first)
        try expectClose(output, expected, relativeToLargest: 1e-4)
    }
}
