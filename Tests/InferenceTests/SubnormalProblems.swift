// SPDX-License-Identifier: Apache-2.0
import Foundation
import Inference
import ModelGraph
import OneDNN
import Tensors

/// Networks with one kind of primitive each, for runs on subnormal numbers.
enum SubnormalProblems {
    private static let relu = ModelGraph.Operation.activation(Activation(.relu))
    private static let same = Window(kernel: [3, 3], pads: [1, 1, 1, 1])

    static let all: Result<[Problem], any Error> = Result {
        [
            try convolutions("Conv and ReLU, six times", channels: 24, side: 36, layers: 6),
            try convolutions("Winograd's algorithm, large tiles", channels: 64, side: 28, layers: 2),
            try convolutions("Winograd's algorithm, small tiles", channels: 64, side: 14, layers: 4),
            try convolutions("depthwise", channels: 64, side: 48, layers: 3, groups: 64),
            try convolutions("weights of 1e-20", channels: 24, side: 36, layers: 2, weights: 1e-20),
            try products(), try poolings(), try softmax(), try elementwise(), try loops(),
        ]
    }

    private static func convolutions(
        _ name: String, channels: Int, side: Int, layers: Int, groups: Int = 1, weights: Float = 0.1
    ) throws -> Problem {
        var problem = Problem(name)
        try problem.input("x", [1, channels, side, side])
        for layer in 0..<layers {
            try problem.constant("w\(layer)", [channels, channels / groups, 3, 3], in: -weights...weights)
            problem.node(
                "c\(layer)", .convolution(Convolution(window: same, groups: groups)),
                layer == 0 ? "x" : "r\(layer - 1)",
                "w\(layer)")
            problem.node("r\(layer)", relu, "c\(layer)")
        }
        return problem
    }

    private static func products() throws -> Problem {
        var problem = Problem("Gemm and MatMul")
        try problem.input("x", [64, 256])
        try problem.constant("w", [256, 512], in: -0.1...0.1)
        try problem.constant("v", [512, 256], in: -0.1...0.1)
        problem.node("g", .gemm(Gemm()), "x", "w")
        problem.node("r", relu, "g")
        problem.node("m", .matMul(MatMul()), "r", "v")
        problem.node("t", .transpose(Transpose([1, 0])), "m")
        problem.node("s", .matMul(MatMul()), "m", "t")
        return problem
    }

    private static func poolings() throws -> Problem {
        var problem = Problem("poolings and means")
        try problem.input("x", [1, 64, 56, 56])
        problem.node("a", .pooling(Pooling(.average, window: same)), "x")
        problem.node("m", .pooling(Pooling(.maximum, window: Window(kernel: [2, 2], strides: [2, 2]))), "a")
        problem.node("g", .globalPooling(GlobalPooling(.average)), "m")
        return problem
    }

    private static func softmax() throws -> Problem {
        var problem = Problem("softmax")
        try problem.input("x", [256, 512])
        problem.node("y", .softmax(Softmax(axis: -1)), "x")
        return problem
    }

    private static func elementwise() throws -> Problem {
        var problem = Problem("sums, products and functions of elements")
        try problem.input("x", [1, 64, 48, 48])
        try problem.constant("f", [1, 64, 1, 1])
        problem.node("a", .activation(Activation(.leakyRelu, alpha: 0.1)), "x")
        problem.node("b", .arithmetic(Arithmetic(.multiply)), "a", "f")
        problem.node("c", .arithmetic(Arithmetic(.multiply)), "b", "a")
        problem.node("d", .activation(Activation(.tanh)), "c")
        problem.node("e", .arithmetic(Arithmetic(.add)), "d", "a")
        problem.node("g", .activation(Activation(.hardSwish)), "e")
        return problem
    }

    /// A product whose broadcast oneDNN does not have, so that the engine computes it in Swift.
    private static func loops() throws -> Problem {
        var problem = Problem("loops in Swift")
        try problem.input("x", [24, 1, 32, 1])
        try problem.constant("f", [1, 24, 1, 32])
        problem.node("y", .arithmetic(Arithmetic(.multiply)), "x", "f")
        return problem
    }
}

extension Problem {
    /// Tensors of the inputs' shapes, in which every element is `value` or `-value`.
    func filled(with value: Float) throws -> [Tensor] {
        try given.map { tensor in
            try Tensor(
                (0..<tensor.shape.elementCount).map { $0 % 3 == 0 ? -value : value }, shape: tensor.shape.dimensions)
        }
    }
}

/// Runs `body` on a new thread, which does not flush subnormal numbers and has no team of threads.
func onPlainThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            SubnormalFlushing.set(false)
            continuation.resume(with: Result { try body() })
        }
    }
}
