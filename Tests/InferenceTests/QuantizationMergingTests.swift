// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import Tensors
import TestSupport
import Testing

/// QuantizeLinear followed by DequantizeLinear, which leave float32 values rounded to levels, become one step that
/// gives the same bits.
struct QuantizationMergingTests {
    private static let name = "quantization merging"

    /// x `[1, 4, 5, 6]`: multiples of half the step, so that every second one lies in the middle between two levels,
    /// and numbers beyond the levels.
    private static func start(_ description: String, step: Float = 0.1) throws -> Problem {
        var problem = Problem(description)
        problem.tolerance = 0
        try problem.input("x", [1, 4, 5, 6])
        var values = (0..<120).map { Float($0 - 60) * step / 2 }
        // Infinities, numbers beyond the levels, -0 (0 is among the multiples), and a number between levels.
        let far: [Float] = [-.infinity, .infinity, 1e30, -1e30, -0.0, 300 * step, -300 * step, step / 3]
        values.replaceSubrange(far.indices, with: far)
        problem.give(try Tensor(values, shape: [1, 4, 5, 6]))
        return problem
    }

    @Test(
        "The merged operator is bit-identical to QuantizeLinear and DequantizeLinear, including ties and saturation",
        arguments: [ElementType.uint8, .int8], [Float(0.1), 0.0078125, 0.02352848, 3])
    func sameBits(_ element: ElementType, _ step: Float) throws {
        for zero in element == .uint8 ? [0, 122, 255] : [-128, -5, 0, 127] {
            var problem = try Self.start("\(element) \(zero)", step: step)
            try problem.round("y", "x", step: step, zero: zero, element)
            let plan = try problem.check()
            #expect(plan.kinds == ["rounding to levels"])
            #expect(plan.rewrites(by: Self.name) == ["y"])
        }
    }

    @Test("The merged operator has optimised code after every convolution layout, in place or not")
    func everyLayout() throws {
        for (channels, side) in [(64, 28), (24, 9), (3, 7)] {
            for alsoUsed in [false, true] {
                var problem = Problem("\(channels) channels")
                try problem.input("x", [1, channels, side, side])
                try problem.constant("w", [channels, channels, 3, 3])
                problem.node(
                    "c", .convolution(Convolution(window: Window(kernel: [3, 3], pads: [1, 1, 1, 1]))), "x", "w")
                // The step is so wide that other rounding in the convolution is unlikely to move a value to another
                // level.
                try problem.round("y", "c", step: 0.25, zero: 128)
                if alsoUsed { problem.outputs.append("c") }
                problem.tolerance = 0.02
                let plan = try problem.check()
                let step = try #require(plan.steps.first { $0.kind == "rounding to levels" })
                #expect(step.implementation.hasPrefix("jit"))
            }
        }
    }

    @Test("Bounds of a preceding activation become bounds of the quantised values")
    func absorbsBounds() throws {
        for activation in [
            Activation(.relu), Activation(.clip, alpha: 0, beta: 6), Activation(.clip, alpha: -0.95, beta: 1.05),
            Activation(.clip, alpha: 1, beta: 1), Activation(.clip, alpha: -.infinity, beta: 0.5),
        ] {
            var problem = try Self.start("\(activation)")
            problem.node("a", .activation(activation), "x")
            try problem.round("y", "a", zero: 100)
            let plan = try problem.check()
            #expect(plan.kinds == ["rounding to levels"])
            #expect(plan.rewrites(by: Self.name) == ["y", "a"])
        }
    }

    @Test("Pairs with another use, different parameters or per-channel steps stay two operators")
    func leavesOthers() throws {
        var step = try Self.start("another step")
        try step.round("y", "x", stepAfter: 0.2)
        var zero = try Self.start("another zero point")
        try zero.round("y", "x", zero: 1, zeroAfter: 2)
        var channels = try Self.start("a step for each channel")
        channels.constant("s", try Tensor([0.1, 0.2, 0.3, 0.4], shape: [4]))
        channels.constant("z", Tensor(type: TensorType(.uint8, try Shape([4]))) { _ in })
        channels.node("q", .quantizeLinear(QuantizeLinear(axis: 1)), "x", "s", "z")
        channels.node("y", .dequantizeLinear(DequantizeLinear(axis: 1)), "q", "s", "z")
        for problem in [step, zero, channels] { #expect(try problem.check().rewrites(by: Self.name).isEmpty) }
        var integers = try Self.start("integers are a result")
        try integers.round("y", "x")
        integers.outputs = ["y", "y.q"]
        #expect(try Plan(compiling: try integers.graph()).rewrites(by: Self.name).isEmpty)

        var bounds = try Self.start("what is bounded is a result")
        bounds.node("a", .activation(Activation(.relu)), "x")
        try bounds.round("y", "a")
        bounds.outputs = ["y", "a"]
        #expect(try bounds.check().rewrites(by: Self.name) == ["y"])
        var leaky = try Self.start("an activation that is no bound")
        leaky.node("a", .activation(Activation(.leakyRelu, alpha: 0.1)), "x")
        try leaky.round("y", "a")
        #expect(try leaky.check().rewrites(by: Self.name) == ["y"])
    }
}
