// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ReferenceInference
import Tensors
import TestSupport
import Testing

/// What ONNX's own tests do not reach in float32. Expected values are NumPy's.
@Suite struct ReferenceTests {
    private func run(_ operation: Operation, _ shape: [Int], of count: Int) throws -> Tensor {
        let input = try Tensor((0..<count).map(Float.init), shape: shape)
        let graph = try Graph(
            name: "g", inputs: [Value(name: "x", type: input.type)], outputs: ["y"],
            nodes: [Node(name: "n", operation: operation, inputs: ["x"], outputs: ["y"])], constants: [:])
        return try ReferenceExecutor(graph).run([input])[0]
    }

    @Test(
        "Pad reflects without the edge, repeats the edge or fills, and negative pads crop",
        arguments: [
            // numpy.pad(numpy.arange(4), (2, 3), "reflect")
            (Pad(.reflect, pads: [2, 3]), [2, 1, 0, 1, 2, 3, 2, 1, 0]),
            // numpy.pad(numpy.arange(4), (2, 3), "edge")
            (Pad(.edge, pads: [2, 3]), [0, 0, 0, 1, 2, 3, 3, 3, 3]),
            (Pad(.constant, pads: [1, 2], value: 9), [9, 0, 1, 2, 3, 9, 9]),
            (Pad(.constant, pads: [-1, 1], value: 9), [1, 2, 3, 9]),
        ] as [(Pad, [Float])])
    func pad(_ pad: Pad, _ expected: [Float]) throws {
        #expect(try run(.pad(pad), [4], of: 4).floats() == expected)
    }

    @Test("Inputs of another type than the graph's are refused")
    func wrongInput() throws {
        let graph = try Graph(
            name: "g", inputs: [Value(name: "x", type: TensorType(.float32, try Shape([2])))], outputs: ["x"],
            nodes: [],
            constants: [:])
        let error = #expect(throws: ReferenceError.self) {
            try ReferenceExecutor(graph).run([Tensor([Float(1)], shape: [1])])
        }
        #expect(error?.message.contains("expected [f32 2]") == true)
    }
}
