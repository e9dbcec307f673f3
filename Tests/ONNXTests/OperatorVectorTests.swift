// SPDX-License-Identifier: Apache-2.0
import Foundation
import Inference
import ModelGraph
import ONNXImport
import ReferenceInference
import Tensors
import TestSupport
import Testing

/// Single operators in forms that ONNX's own tests lack, with ONNX Runtime's answers (`make_vectors.py`).
struct OperatorVectorTests {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        struct Given: Decodable, Sendable {
            let name: String
            let shape: [Int]
            let values: [Float]
        }

        let name: String
        let model: Data
        let inputs: [Given]
        let shape: [Int]
        let values: [Float]

        var testDescription: String { name }
    }

    static let cases: Result<[Case], any Error> = Result {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
            path: "Fixtures/operators.json")
        let decoder = JSONDecoder()
        decoder.dataDecodingStrategy = .base64
        return try decoder.decode([Case].self, from: try Data(contentsOf: file))
    }

    @Test("An operator agrees with ONNX Runtime, in the reference and in the engine", arguments: try cases.get())
    func agrees(_ vector: Case) throws {
        let graph = try ONNXModel(bytes: vector.model).graph
        let inputs = try graph.inputs.map { input in
            let given = try #require(vector.inputs.first { $0.name == input.name })
            return try Tensor(given.values, shape: given.shape)
        }
        let expected = try Tensor(vector.values, shape: vector.shape)
        // Dynamic quantisation may round to the next step.
        let relative: Float = vector.name == "dynamic quantisation" ? 1e-2 : 1e-5
        for outputs in [try ReferenceExecutor(graph).run(inputs), try Plan(compiling: graph).run(inputs)] {
            try expectClose(try #require(outputs.first), expected, relativeToLargest: relative)
        }
        if vector.name.hasPrefix("constant") { #expect(graph.nodes.count <= 1, "\(graph.nodes.map(\.name))") }
    }
}
