// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import ModelGraph
import Tensors

/// A small classifier of 16x16 pictures with random weights: two convolutions, pooling, softmax.
enum TinyNetwork {
    /// - Parameter scale: Of all weights.
    static func graph(
        seed: UInt64 = 1, classes: Int = 4, name: String = "tiny", scale: Float = 1
    ) throws -> Graph {
        var generator = SeededGenerator(seed: seed)
        func weights(_ shape: [Int]) throws -> Tensor {
            let count = shape.reduce(1, *)
            let fan = shape.dropFirst().reduce(1, *)
            let values = (0..<count).map { _ in scale * Float(generator.normal() / Double(fan).squareRoot()) }
            return try Tensor(values, shape: shape)
        }
        let three = Window(kernel: [3, 3], pads: [1, 1, 1, 1])
        return try Graph(
            name: name, inputs: [Value(name: "input", type: TensorType(.float32, Shape([1, 3, 16, 16])))],
            outputs: ["prob"],
            nodes: [
                Node(
                    name: "conv1", operation: .convolution(.init(window: three)), inputs: ["input", "w1"],
                    outputs: ["a"]),
                Node(name: "relu1", operation: .activation(.init(.relu)), inputs: ["a"], outputs: ["b"]),
                Node(
                    name: "pool1",
                    operation: .pooling(.init(.maximum, window: Window(kernel: [2, 2], strides: [2, 2]))),
                    inputs: ["b"], outputs: ["c"]),
                Node(
                    name: "conv2", operation: .convolution(.init(window: three)), inputs: ["c", "w2"], outputs: ["d"]),
                Node(name: "relu2", operation: .activation(.init(.relu)), inputs: ["d"], outputs: ["e"]),
                Node(name: "gap", operation: .globalPooling(.init(.average)), inputs: ["e"], outputs: ["f"]),
                Node(name: "flat", operation: .flatten(.init(axis: 1)), inputs: ["f"], outputs: ["g"]),
                Node(name: "logits", operation: .gemm(.init(transposeB: true)), inputs: ["g", "w3"], outputs: ["h"]),
                Node(name: "softmax", operation: .softmax(.init(axis: 1)), inputs: ["h"], outputs: ["prob"]),
            ],
            constants: [
                "w1": weights([6, 3, 3, 3]), "w2": weights([8, 6, 3, 3]), "w3": weights([classes, 8]),
            ])
    }

    static func preprocessing() throws -> Preprocessing {
        try Preprocessing(
            width: 16, height: 16, channels: .rgb, resize: .stretch, interpolation: .bilinear, mean: [128, 128, 128],
            std: [64, 64, 64])
    }

    static func network(seed: UInt64 = 1, classes: Int = 4) throws -> AssessmentConfiguration.Network {
        AssessmentConfiguration.Network(
            graph: try graph(seed: seed, classes: classes), preprocessing: try preprocessing(),
            name: "tiny <b>&\"'", sha256: String(repeating: "0a", count: 32))
    }
}
