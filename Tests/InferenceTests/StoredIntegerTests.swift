// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import ReferenceInference
import Tensors
import TestSupport
import Testing

/// Convolutions of quantised networks that multiply the file's integers. All scales are powers of two here, so that
/// the float32 sums of the reference are exact too, and results are equal to the last bit.
@Suite(.enabled(if: Precision.hasInstructions(for: .integer8), "needs instructions for 8-bit integers"))
struct StoredIntegerTests {
    private static let step: Float = 0.0625

    /// An input `given`, and `x`, the input rounded to levels, which by default are not negative.
    private static func start(
        _ description: String, channels: Int = 16, side: Int = 9, zero: Int = 0, _ element: ElementType = .uint8
    ) throws -> Problem {
        var problem = Problem(description)
        problem.tolerance = 0
        try problem.input("given", [1, channels, side, side])
        problem.give(
            try Tensor(
                (0..<channels * side * side).map { Float(($0 * 89) % 311 - 100) * step / 2 },
                shape: [1, channels, side, side]))
        try problem.round("x", "given", step: step, zero: zero, element)
        return problem
    }

    /// Adds a convolution of `input` with weights of 8-bit integers.
    private static func convolution(
        _ problem: inout Problem, _ name: String, of input: String, from channels: Int = 16, to results: Int = 16,
        kernel: Int = 3, stride: Int = 1, groups: Int = 1, scales: Int? = nil, zero: Int8 = 0, bias: Bool = true
    ) throws {
        let pad = kernel / 2
        try problem.integers(
            "\(name).w", [results, channels / groups, kernel, kernel], axis: 0, zero: zero, scales: scales,
            scale: { $0.isMultiple(of: 2) ? 0x1p-9 : 0x1p-8 })
        let operation = Operation.convolution(
            Convolution(
                window: Window(
                    kernel: [kernel, kernel], strides: [stride, stride], pads: [pad, pad, pad, pad]), groups: groups))
        guard bias else { return problem.node(name, operation, input, "\(name).w") }
        problem.constant(
            "\(name).b", try Tensor((0..<results).map { Float($0 * 7 - 50) * step / 8 }, shape: [results]))
        problem.node(name, operation, input, "\(name).w", "\(name).b")
    }

    private static func relu(_ problem: inout Problem, _ name: String, _ input: String) {
        problem.node(name, .activation(Activation(.relu)), input)
    }

    @Test("A quantised convolution with its activation and requantisation is one step that equals the reference")
    func oneStep() throws {
        for (channels, results, kernel, stride, groups, scales) in [
            (16, 16, 3, 1, 1, nil), (16, 40, 1, 1, 1, 1), (24, 24, 3, 2, 24, nil), (32, 16, 3, 1, 2, nil),
            (7, 5, 3, 1, 1, nil), (16, 16, 5, 2, 1, nil as Int?),
        ] {
            for bias in [true, false] {
                var problem = try Self.start("\(channels) to \(results)", channels: channels)
                try Self.convolution(
                    &problem, "c", of: "x", from: channels, to: results, kernel: kernel, stride: stride,
                    groups: groups, scales: scales, bias: bias)
                Self.relu(&problem, "r", "c")
                try problem.round("y", "r", step: 0.5)
                try Self.convolution(&problem, "d", of: "y", from: results, kernel: 1)
                for threads in [1, 2] {
                    let plan = try problem.check(threads: threads)
                    #expect(plan.kinds == ["rounding to levels", "int8 convolution", "int8 convolution"])
                    #expect(plan.rewrites(by: "level fusion") == ["y.q"])
                }
            }
        }
    }

    @Test("Signed, clipped, tied and saturated quantised values agree with the reference")
    func ranges() throws {
        for element in [ElementType.int8, .uint8] {
            for bound: Float in [0.5, 3, 1000] {
                var problem = try Self.start("\(element) up to \(bound)", element)
                try Self.convolution(&problem, "c", of: "x")
                problem.node(
                    "r", .activation(Activation(.clip, alpha: element == .int8 ? -bound : 0, beta: bound)), "c")
                try problem.round("y", "r", step: 0.5, element)
                try Self.convolution(&problem, "d", of: "y", kernel: 1)
                #expect(try problem.check().kinds.suffix(2) == ["int8 convolution", "int8 convolution"])
            }
        }
    }

    @Test("A quantised residual sum is fused into the convolution: identities as integers, other addends as float32")
    func residual() throws {
        for zero in [0, 100] {
            for alsoBranch in [false, true] {
                var problem = try Self.start("levels from \(-zero)")
                try Self.convolution(&problem, "c", of: "x", kernel: 1)
                try problem.round("q", "c", step: 0.25, zero: zero)
                var addend = "x"
                if alsoBranch {
                    try Self.convolution(&problem, "b", of: "x", kernel: 1)
                    try problem.round("p", "b", step: 0.5, zero: 77)
                    addend = "p"
                }
                problem.node("s", .arithmetic(Arithmetic(.add)), "q", addend)
                Self.relu(&problem, "r", "s")
                try problem.round("y", "r", step: 0.125)
                try Self.convolution(&problem, "d", of: "y", kernel: 1)
                let plan = try problem.check()
                #expect(plan.kinds.count { $0 == "int8 convolution" } == (alsoBranch ? 3 : 2), "\(plan.kinds)")
                if !alsoBranch {
                    #expect(plan.kinds == ["rounding to levels", "int8 convolution", "int8 convolution"])
                }
            }
        }
    }

    @Test("Maximum pooling keeps integers, and a repeated requantisation after it is removed")
    func pooling() throws {
        for kernel in [2, 3] {
            var problem = try Self.start("windows of \(kernel)")
            try Self.convolution(&problem, "c", of: "x")
            Self.relu(&problem, "r", "c")
            try problem.round("q", "r", step: 0.5)
            problem.node(
                "m",
                .pooling(
                    Pooling(
                        .maximum, window: Window(kernel: [kernel, kernel], strides: [2, 2], pads: [1, 1, 1, 1]))), "q")
            try problem.round("y", "m", step: 0.5)
            try Self.convolution(&problem, "d", of: "y")
            let plan = try problem.check()
            #expect(plan.kinds.filter { $0 == "rounding to levels" }.count == 1, "\(plan.kinds)")
            #expect(plan.kinds.count { $0 == "int8 convolution" } == 2)
        }
    }

    @Test("Maximum pooling of integers after a float32 convolution has optimised code")
    func poolingAfterFloats() throws {
        for channels in [16, 24] {
            var problem = try Self.start("\(channels) channels", zero: 100)
            try Self.convolution(&problem, "c", of: "x", to: channels)
            Self.relu(&problem, "r", "c")
            try problem.round("q", "r", step: 0.5)
            problem.node(
                "m",
                .pooling(
                    Pooling(.maximum, window: Window(kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1]))), "q")
            try Self.convolution(&problem, "d", of: "m", from: channels)
            let plan = try problem.check()
            let pooling = try #require(plan.steps.first { $0.kind == "maximum pooling" })
            #expect(pooling.implementation.hasPrefix("jit"))
            #expect(plan.kinds.last == "int8 convolution")
        }
    }

    @Test("Maximum pooling of integers without a oneDNN primitive is computed from dequantised values")
    func poolingByLoop() throws {
        var problem = Problem("a step beyond oneDNN's limit")
        problem.tolerance = 0
        try problem.input("given", [1, 16, 1, 65_600])
        try problem.round("x", "given", step: 0x1p-7)
        let window = Window(kernel: [1, 1], strides: [1, (1 << 16) + 1])
        problem.node("m", .pooling(Pooling(.maximum, window: window)), "x")
        try Self.convolution(&problem, "y", of: "m", kernel: 1, bias: false)
        try problem.check()
        try Self.convolution(&problem, "z", of: "x", kernel: 1, bias: false)
        problem.outputs = ["y", "z"]
        try problem.check()
    }

    @Test("Quantised values that are outputs, or have other uses, are dequantised there")
    func otherReaders() throws {
        var problem = try Self.start("results")
        try Self.convolution(&problem, "c", of: "x")
        Self.relu(&problem, "r", "c")
        try problem.round("y", "r", step: 0.5)
        try Self.convolution(&problem, "d", of: "y", kernel: 1)
        problem.node("e", .activation(Activation(.sigmoid)), "y")
        problem.node("f", .arithmetic(Arithmetic(.multiply)), "d", "e")
        try problem.round("z", "f", step: 0.125)
        problem.tolerance = 0.02
        try problem.check()
        problem.outputs = ["z", "y", "x"]
        try problem.check()
        problem.outputs = ["c", "d"]
        problem.tolerance = 0
        try problem.check()
    }

    @Test("Ranges beyond both 8-bit types, weights with zero points and other scales stay float32")
    func leavesOthers() throws {
        var wide = try Self.start("levels beyond the types", zero: 100)
        try Self.convolution(&wide, "y", of: "x")
        var asymmetric = try Self.start("asymmetric weights")
        try Self.convolution(&asymmetric, "y", of: "x", zero: 3)
        var columns = try Self.start("scales of the operand's channels")
        try columns.integers("w", [16, 16, 3, 3], axis: 1)
        columns.node("y", .convolution(Convolution(window: Window(kernel: [3, 3]))), "x", "w")
        columns.tolerance = 1e-5
        for problem in [wide, asymmetric, columns] {
            #expect(try problem.check().kinds == ["rounding to levels", "convolution"])
        }
    }

    @Test("Sums that could overflow 32 bits are computed in float32")
    func deepSums() throws {
        for (channels, kind) in [(65_000, "int8 convolution"), (66_000, "convolution")] {
            var problem = try Self.start("\(channels) channels", channels: channels, side: 1)
            try Self.convolution(&problem, "y", of: "x", from: channels, to: 3, kernel: 1, bias: false)
            problem.tolerance = 1e-4
            #expect(try problem.check().kinds.last == kind)
        }
    }

    @Test("Maximum pooling with a window entirely in the padding keeps its requantisation")
    func paddingAlone() throws {
        var problem = try Self.start("padding", side: 2, .int8)
        let window = Window(kernel: [2, 2], dilations: [3, 3], pads: [1, 1, 1, 1])
        problem.node("m", .pooling(Pooling(.maximum, window: window)), "x")
        try problem.round("y", "m", step: Self.step, .int8)
        let plan = try problem.check()
        #expect(plan.kinds.count { $0 == "rounding to levels" } == 2)
        try Self.convolution(&problem, "d", of: "y", kernel: 1)
        try problem.check()
    }

    @Test("Scales whose quotient exceeds float32 give the reference's values")
    func extremeSteps() throws {
        for step: Float in [0x1p-30, 0x1p-60, 0x1p-100] {
            var problem = Problem("step \(step)")
            problem.tolerance = 1e-5
            try problem.input("given", [1, 16, 5, 5])
            problem.give(
                try Tensor((0..<400).map { Float($0 % 7 - 3) * 0x1p100 }, shape: [1, 16, 5, 5]))
            try problem.round("x", "given", step: 0x1p99)
            try Self.convolution(&problem, "c", of: "x", kernel: 1, bias: false)
            try problem.round("q", "c", step: 0x1p98, zero: 100)
            problem.node("s", .arithmetic(Arithmetic(.add)), "q", "x")
            Self.relu(&problem, "r", "s")
            try problem.round("y", "r", step: step)
            try Self.convolution(&problem, "d", of: "y", kernel: 1, bias: false)
            try problem.check()
        }
    }

    @Test(
        "A precision table for 8-bit integers is calibrated on float32 values, and its plan uses its own quantisation"
    )
    func calibrated() throws {
        var problem = try Self.start("calibrated")
        problem.tolerance = 0.03
        try Self.convolution(&problem, "c", of: "x")
        try problem.round("q", "c", step: 0.5, zero: 128)
        problem.node("s", .arithmetic(Arithmetic(.add)), "q", "x")
        Self.relu(&problem, "r", "s")
        try problem.round("y", "r", step: 0.5)
        try Self.convolution(&problem, "d", of: "y")
        Self.relu(&problem, "e", "d")
        try Self.convolution(&problem, "f", of: "e", kernel: 1)
        let graph = try problem.graph()
        var calibrator = try Calibrator(graph, threads: 1)
        let expected = try calibrator.observe(problem.given)
        let ranges = calibrator.ranges
        #expect(ranges["x"] != nil && ranges["y"] != nil)
        var products: [String: PrecisionTable.Product] = [:]
        for name in ["c", "d", "f"] { products[name] = PrecisionTable.Product(.integer8, roundsResult: true) }
        let plan = try Plan(
            compiling: graph,
            options: PlanOptions(precision: .mixed(PrecisionTable(products: products, ranges: ranges))))
        #expect(plan.kinds.contains("int8 convolution") && plan.rewrites(by: "level fusion").isEmpty)
        try expectClose(try plan.run(problem.given)[0], expected[0], relativeToLargest: 0.03, "calibrated")
    }

    @Test("With arbitrary scales results are within one step of the reference, and most are equal")
    func anyScales() throws {
        var problem = try Self.start("any scales", channels: 64, side: 14)
        try problem.integers("w", [64, 64, 3, 3], axis: 0, scale: { 0.0001 * Float($0 + 3) })
        try problem.constant("b", [64])
        problem.node(
            "c", .convolution(Convolution(window: Window(kernel: [3, 3], pads: [1, 1, 1, 1]))), "x", "w", "b")
        Self.relu(&problem, "r", "c")
        try problem.round("y", "r", step: 0.0371)
        try Self.convolution(&problem, "d", of: "y", from: 64, kernel: 1)
        problem.outputs = ["y", "d"]
        let graph = try problem.graph()
        let (actual, expected) = (
            try Plan(compiling: graph).run(problem.given)[0], try ReferenceExecutor(graph).run(problem.given)[0]
        )
        let differences = zip(try actual.floats(), try expected.floats()).map { abs($0 - $1) }
        #expect((differences.max() ?? 1) <= 0.0371 * 1.001)
        #expect(differences.count { $0 > 0.001 } <= differences.count / 1000)
    }

    @Test("Without the option, or without the processor's instructions, sums are float32")
    func option() throws {
        var problem = try Self.start("option")
        try Self.convolution(&problem, "y", of: "x")
        var options = PlanOptions()
        options.multipliesIntegers = false
        let plan = try Plan(compiling: try problem.graph(), options: options)
        #expect(plan.kinds == ["rounding to levels", "convolution"])
    }
}
