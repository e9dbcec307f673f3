// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// A residual network small enough to reason about: conv, relu, conv, add with the relu's result, pool, gemm, softmax.
func residualGraph() throws -> Graph {
    func values(_ count: Int) -> [Float] { (0..<count).map { Float($0 % 7) * 0.25 - 0.75 } }
    let constants: [String: Tensor] = [
        "w1": try Tensor(values(4 * 3 * 9), shape: [4, 3, 3, 3]),
        "b1": try Tensor(values(4), shape: [4]),
        "w2": try Tensor(values(4 * 4 * 9), shape: [4, 4, 3, 3]),
        "w3": try Tensor(values(5 * 4), shape: [5, 4]),
        "unused": try Tensor(values(2), shape: [2]),
    ]
    let window = Window(kernel: [3, 3], pads: [1, 1, 1, 1])
    return try Graph(
        name: "residual",
        inputs: [Value(name: "image", type: TensorType(.float32, try Shape([1, 3, 8, 8])))], outputs: ["prob"],
        nodes: [
            Node(
                name: "conv1", operation: .convolution(Convolution(window: window)), inputs: ["image", "w1", "b1"],
                outputs: ["c1"]),
            Node(name: "relu1", operation: .activation(Activation(.relu)), inputs: ["c1"], outputs: ["r1"]),
            Node(
                name: "conv2", operation: .convolution(Convolution(window: window)), inputs: ["r1", "w2"],
                outputs: ["c2"]),
            Node(name: "add", operation: .arithmetic(Arithmetic(.add)), inputs: ["c2", "r1"], outputs: ["sum"]),
            Node(name: "pool", operation: .globalPooling(GlobalPooling(.average)), inputs: ["sum"], outputs: ["p"]),
            Node(name: "flatten", operation: .flatten(Flatten()), inputs: ["p"], outputs: ["f"]),
            Node(name: "fc", operation: .gemm(Gemm(transposeB: true)), inputs: ["f", "w3"], outputs: ["logits"]),
            Node(name: "softmax", operation: .softmax(Softmax(axis: 1)), inputs: ["logits"], outputs: ["prob"]),
        ], constants: constants)
}
