// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import OneDNN
import Tensors
import Testing

/// Each pass changes the patterns that it should and no others, and results stay within 1e-5 of the largest output.
struct PassTests {
    private static func convolution(_ kernel: Int = 3, pad: Int = 1) -> ModelGraph.Operation {
        .convolution(Convolution(window: Window(kernel: [kernel, kernel], pads: [pad, pad, pad, pad])))
    }

    /// x `[2, 8, 6, 6]`, and `y`, its convolution with 8 output channels.
    private static func start(_ description: String) throws -> Problem {
        var problem = Problem(description)
        try problem.input("x", [2, 8, 6, 6])
        try problem.constant("w", [8, 8, 3, 3])
        problem.node("y", convolution(), "x", "w")
        return problem
    }

    private static func normalize(_ problem: inout Problem, _ name: String, _ input: String) throws {
        for parameter in ["scale", "shift", "mean"] { try problem.constant("\(name).\(parameter)", [8]) }
        try problem.constant("\(name).variance", [8], in: 0.5...2)
        problem.node(
            name, .batchNormalization(BatchNormalization(epsilon: 1e-3)), input, "\(name).scale", "\(name).shift",
            "\(name).mean", "\(name).variance")
    }

    @Test("Nodes with constant operands only are computed once")
    func constantFolding() throws {
        var problem = try Self.start("constants")
        try problem.constant("a", [8, 1, 6])
        try problem.constant("b", [8, 1, 1])
        problem.node("c", .arithmetic(Arithmetic(.multiply)), "a", "b")
        problem.node("d", .activation(Activation(.sigmoid)), "c")
        problem.node("z", .arithmetic(Arithmetic(.add)), "d", "y")
        let plan = try problem.check()
        #expect(plan.rewrites(by: "constant folding") == ["c", "d"])
        #expect(plan.kinds == ["convolution", "add"])
    }

    @Test("Identity nodes and chained views are removed")
    func viewRemoval() throws {
        var problem = try Self.start("views")
        problem.node("i", .identity(Identity(isDropout: true)), "y")
        problem.node("f", .flatten(Flatten()), "i")
        problem.node("r", .reshape(Reshape([2, 8, 36])), "f")
        let plan = try problem.check()
        #expect(plan.rewrites(by: "view removal") == ["i", "r"])
        #expect(plan.kinds == ["convolution"])
    }

    @Test("Nodes that no output depends on are not computed")
    func deadCode() throws {
        var problem = try Self.start("dead code")
        problem.node("z", .activation(Activation(.tanh)), "y")
        problem.outputs = ["y"]
        let plan = try problem.check()
        #expect(plan.rewrites(by: "dead code removal") == ["z"])
        #expect(plan.kinds == ["convolution"])
    }

    @Test("BatchNormalization is folded into the preceding convolution, including its bias", arguments: [false, true])
    func batchNormalizationFolding(_ hasBias: Bool) throws {
        var problem = Problem("convolution and normalisation")
        try problem.input("x", [2, 8, 6, 6])
        try problem.constant("w", [8, 8, 3, 3])
        try problem.constant("b", [8])
        if hasBias {
            problem.node("y", Self.convolution(), "x", "w", "b")
        } else {
            problem.node("y", Self.convolution(), "x", "w")
        }
        try Self.normalize(&problem, "n", "y")
        try Self.normalize(&problem, "m", "n")
        problem.node("z", .activation(Activation(.relu)), "m")
        let plan = try problem.check()
        #expect(plan.rewrites(by: "channel scaling folding") == ["n", "m"])
        #expect(plan.kinds == ["convolution"])
        #expect(plan.steps.last { $0.kind == "convolution" }?.fused == ["n", "m", "z"])
    }

    @Test("BatchNormalization without a convolution is one step with the following activation")
    func batchNormalizationAlone() throws {
        var problem = Problem("normalisation of an input")
        try problem.input("x", [2, 8, 6, 6])
        try Self.normalize(&problem, "n", "x")
        problem.node("z", .activation(Activation(.relu)), "n")
        #expect(try problem.check().kinds == ["scale and shift"])

        var used = try Self.start("a convolution that is used twice")
        try Self.normalize(&used, "n", "y")
        used.node("z", .arithmetic(Arithmetic(.add)), "y", "n")
        let plan = try used.check()
        #expect(plan.kinds.contains("scale and shift"))
    }

    @Test("Arithmetic with a constant per channel is folded into the preceding convolution or normalisation")
    func channelArithmetic() throws {
        let functions: [(Arithmetic.Function, Bool)] = [
            (.add, true), (.multiply, false), (.subtract, true), (.subtract, false), (.divide, true),
        ]
        for afterConvolution in [true, false] {
            var problem = try Self.start("channel arithmetic")
            if !afterConvolution {
                problem = Problem("channel arithmetic after normalisation")
                try problem.input("x", [2, 8, 6, 6])
                try Self.normalize(&problem, "y", "x")
            }
            var last = "y"
            for (index, (function, isSecond)) in functions.enumerated() {
                try problem.constant("k\(index)", index == 1 ? [1] : [1, 8, 1, 1], in: 0.5...2)
                let operands = isSecond ? [last, "k\(index)"] : ["k\(index)", last]
                last = "z\(index)"
                problem.node(last, .arithmetic(Arithmetic(function)), operands[0], operands[1])
            }
            let plan = try problem.check()
            #expect(plan.rewrites(by: "channel scaling folding").suffix(5) == ["z0", "z1", "z2", "z3", "z4"])
            #expect(plan.kinds == [afterConvolution ? "convolution" : "scale and shift"])
        }
    }

    @Test("Arithmetic that differs within a channel, or divides by the channel, is not folded")
    func channelArithmeticStays() throws {
        for (shape, function, operands) in [
            ([6], Arithmetic.Function.add, ["y", "k"]), ([8, 1, 6], .multiply, ["y", "k"]),
            ([8, 1, 1], .divide, ["k", "y"]),
        ] {
            var problem = try Self.start("arithmetic that stays")
            problem.node("s", .activation(Activation(.sigmoid)), "y")
            problem.node("y2", Self.convolution(), "s", "w")
            try problem.constant("k", shape, in: 0.5...2)
            let names = operands.map { $0 == "y" ? (function == .divide ? "s" : "y2") : $0 }
            problem.node("z", .arithmetic(Arithmetic(function)), names[0], names[1])
            #expect(try problem.check().rewrites(by: "channel scaling folding").isEmpty)
        }
    }

    @Test("BatchNormalization with computed parameters becomes arithmetic")
    func batchNormalizationExpansion() throws {
        var problem = Problem("normalisation by inputs")
        try problem.input("x", [2, 8, 6, 6])
        for parameter in ["scale", "shift", "mean"] { try problem.input(parameter, [8]) }
        try problem.constant("variance", [8], in: 0.5...2)
        problem.node(
            "n", .batchNormalization(BatchNormalization(epsilon: 1e-3)), "x", "scale", "shift", "mean", "variance")
        #expect(try problem.check().rewrites(by: "batch normalisation expansion") == ["n"])
    }

    @Test("A Pad with zeros is folded into the following convolution, or an average pooling that counts padding")
    func paddingMerging() throws {
        var problem = Problem("pad and convolution")
        try problem.input("x", [2, 8, 6, 6])
        try problem.constant("w", [8, 8, 3, 3])
        problem.node("p", .pad(Pad(.constant, pads: [0, 0, 0, 1, 0, 0, 1, 2])), "x")
        problem.node("y", Self.convolution(pad: 0), "p", "w")
        let plan = try problem.check()
        #expect(plan.rewrites(by: "padding merging") == ["y"])
        #expect(plan.kinds == ["convolution"])

        var average = Problem("pad and pooling")
        try average.input("x", [2, 8, 6, 6])
        average.node("p", .pad(Pad(.constant, pads: [0, 0, 1, 1, 0, 0, 1, 1])), "x")
        average.node("y", .pooling(Pooling(.averageWithPadding, window: Window(kernel: [3, 3]))), "p")
        #expect(try average.check().rewrites(by: "padding merging") == ["y"])
    }

    @Test("A Pad is not folded if the window would pad with another value")
    func paddingStays() throws {
        for (value, operation) in [
            (Float(1), Self.convolution(pad: 0)), (0, .pooling(Pooling(.maximum, window: Window(kernel: [3, 3])))),
            (0, .pooling(Pooling(.average, window: Window(kernel: [3, 3])))),
        ] {
            var problem = Problem("pad that stays")
            try problem.input("x", [2, 8, 6, 6])
            problem.node("p", .pad(Pad(.constant, pads: [0, 0, 1, 1, 0, 0, 1, 1], value: value)), "x")
            if case .convolution = operation {
                try problem.constant("w", [8, 8, 3, 3])
                problem.node("y", operation, "p", "w")
            } else {
                problem.node("y", operation, "p")
            }
            #expect(try problem.check().rewrites(by: "padding merging").isEmpty)
        }
    }

    @Test("An activation is fused into the node of its operand, unless the operand is used elsewhere")
    func activationFusion() throws {
        var problem = try Self.start("activation")
        problem.node("z", .activation(Activation(.hardSigmoid, alpha: 0.2, beta: 0.5)), "y")
        let plan = try problem.check()
        #expect(plan.rewrites(by: "activation fusion") == ["z"])
        #expect(plan.rewrites(by: "hard sigmoid expansion") == ["z"])
        #expect(plan.kinds == ["convolution"])

        problem.outputs = ["z", "y"]
        #expect(try problem.check().rewrites(by: "activation fusion").isEmpty)
    }

    @Test("GELU written as exporters do becomes one activation", arguments: [0, 1, 2])
    func geluRecognition(_ order: Int) throws {
        var problem = try Self.start("gelu in order \(order)")
        let root = Float(2).squareRoot()
        try problem.constant("root", [], in: root...root)
        try problem.constant("one", [], in: 1...1)
        try problem.constant("half", [], in: 0.5...0.5)
        let multiply = ModelGraph.Operation.arithmetic(Arithmetic(.multiply))
        problem.node("d", .arithmetic(Arithmetic(.divide)), "y", "root")
        problem.node("e", .activation(Activation(.erf)), "d")
        problem.node("s", .arithmetic(Arithmetic(.add)), "e", "one")
        switch order {
        case 0:
            problem.node("p", multiply, "y", "s")
            problem.node("z", multiply, "p", "half")
        case 1:
            problem.node("p", multiply, "s", "half")
            problem.node("z", multiply, "y", "p")
        default:
            problem.node("p", multiply, "y", "half")
            problem.node("z", multiply, "p", "s")
        }
        let plan = try problem.check()
        #expect(plan.rewrites(by: "gelu recognition") == ["z"])
        #expect(plan.kinds == ["convolution"])
    }

    @Test("Layer normalisation written with means becomes one primitive")
    func layerNormalizationRecognition() throws {
        var problem = Problem("layer normalisation")
        try problem.input("x", [2, 5, 16])
        try problem.constant("epsilon", [], in: 1e-5...1e-5)
        try problem.constant("scale", [16])
        try problem.constant("shift", [16])
        let mean = ModelGraph.Operation.reduceMean(ReduceMean(axes: [-1], keepsDimensions: true))
        problem.node("m", mean, "x")
        problem.node("c", .arithmetic(Arithmetic(.subtract)), "x", "m")
        problem.node("q", .arithmetic(Arithmetic(.multiply)), "c", "c")
        problem.node("v", mean, "q")
        problem.node("a", .arithmetic(Arithmetic(.add)), "v", "epsilon")
        problem.node("r", .activation(Activation(.squareRoot)), "a")
        problem.node("n", .arithmetic(Arithmetic(.divide)), "c", "r")
        problem.node("s", .arithmetic(Arithmetic(.multiply)), "n", "scale")
        problem.node("z", .arithmetic(Arithmetic(.add)), "s", "shift")
        let plan = try problem.check()
        #expect(plan.rewrites(by: "layer normalisation recognition") == ["z"])
        #expect(plan.kinds == ["layer normalisation"])
    }

    @Test("x times sigmoid(x) becomes one activation of the convolution")
    func swishRecognition() throws {
        var problem = try Self.start("swish")
        problem.node("s", .activation(Activation(.sigmoid)), "y")
        problem.node("z", .arithmetic(Arithmetic(.multiply)), "s", "y")
        let plan = try problem.check()
        #expect(plan.rewrites(by: "swish recognition") == ["z"])
        #expect(plan.kinds == ["convolution"])

        var other = try Self.start("a gate of another value")
        other.node("s", .activation(Activation(.sigmoid)), "x")
        other.node("z", .arithmetic(Arithmetic(.multiply)), "s", "y")
        #expect(try other.check().rewrites(by: "swish recognition").isEmpty)
    }

    /// `y`, a convolution with 8 output channels; `g`, its product with a gate, which is `function` of a 1x1
    /// convolution of its channels' means; and `z`, a convolution of `g`.
    private static func gated(
        _ description: String, batch: Int = 1, pixels: Int = 32, kernel: Int = 1, results: Int = 16,
        function: Activation.Function = .sigmoid
    ) throws -> Problem {
        var problem = Problem(description)
        try problem.input("x", [batch, 8, pixels, pixels])
        try problem.constant("w", [8, 8, 3, 3])
        try problem.constant("v", [8, 8, 1, 1])
        try problem.constant("u", [results, 8, kernel, kernel])
        try problem.constant("b", [results])
        problem.node("y", convolution(), "x", "w")
        problem.node("m", .globalPooling(GlobalPooling(.average)), "y")
        problem.node("c", convolution(1, pad: 0), "m", "v")
        problem.node("s", .activation(Activation(function)), "c")
        problem.node("g", .arithmetic(Arithmetic(.multiply)), "s", "y")
        problem.node("z", convolution(kernel, pad: kernel / 2), "g", "u", "b")
        return problem
    }

    @Test(
        "A gate on many pixels is folded into the weights of the following 1x1 convolution",
        .enabled(if: ProcessorSupport.hasAVX512))
    func gateFolding() throws {
        var problem = try Self.gated("gate")
        #expect(try problem.check().rewrites(by: "gate folding") == ["g"])
        problem.node("r", .activation(Activation(.relu)), "z")
        #expect(try problem.check(threads: 2).rewrites(by: "gate folding") == ["g"])
        problem.outputs = ["r", "s", "y"]
        #expect(try problem.check().rewrites(by: "gate folding") == ["g"])

        problem.outputs = ["r", "g"]
        #expect(try problem.check().rewrites(by: "gate folding").isEmpty)
        for other in [
            try Self.gated("gates of two images", batch: 2), try Self.gated("gate of few pixels", pixels: 30),
            try Self.gated("gate before a window of 3", kernel: 3), try Self.gated("gate before many", results: 24),
            try Self.gated("a factor without bound", function: .absolute),
        ] { #expect(try other.check().rewrites(by: "gate folding").isEmpty) }
    }

    @Test("A residual sum of a gated tensor is the same when the gate is folded into weights")
    func gateAndResidual() throws {
        var problem = try Self.gated("gate and residual sum", results: 8, function: .hardSigmoid)
        problem.node("a", .arithmetic(Arithmetic(.add)), "y", "z")
        let plan = try problem.check(threads: 2)
        #expect(plan.rewrites(by: "gate folding") == (ProcessorSupport.hasAVX512 ? ["g"] : []))
        #expect(plan.rewrites(by: "residual fusion") == ["a"])
    }

    @Test("The range of a gated tensor is calibrated even if the gate is folded into weights")
    func gateIsCalibrated() throws {
        let problem = try Self.gated("gate to calibrate")
        var calibrator = try Calibrator(try problem.graph(), threads: 1)
        try calibrator.observe(problem.given)
        #expect(calibrator.ranges["g"] != nil)
    }

    @Test("A gate whose result two convolutions use is not folded")
    func gateOfTwo() throws {
        var problem = try Self.gated("gate before two convolutions")
        problem.node("z2", Self.convolution(1, pad: 0), "g", "u")
        problem.node("a", .arithmetic(Arithmetic(.add)), "z", "z2")
        #expect(try problem.check().rewrites(by: "gate folding").isEmpty)
    }

    @Test("The mean of many pixels is computed as the mean of window means", arguments: [32, 31, 56])
    func meanOfMany(_ pixels: Int) throws {
        for operation in [
            ModelGraph.Operation.globalPooling(GlobalPooling(.average)),
            .pooling(Pooling(.averageWithPadding, window: Window(kernel: [pixels, pixels]))),
            .reduceMean(ReduceMean(axes: [2, 3], keepsDimensions: true)),
        ] {
            var problem = Problem("mean of many")
            try problem.input("x", [2, 8, pixels, pixels])
            try problem.constant("w", [48, 8, 3, 3])
            problem.node("y", Self.convolution(), "x", "w")
            problem.node("z", operation, "y")
            let plan = try problem.check(threads: 2)
            let last = try #require(plan.steps.last { $0.kind == "convolution" })
            let means = plan.kinds.count { $0 == "mean" || $0 == "average pooling" }
            let areInnermost = last.result.hasSuffix(" acdb") && ProcessorSupport.hasAVX512
            #expect(means == (areInnermost && pixels != 31 ? 2 : 1))
        }
    }

    @Test("A residual Add and its ReLU are fused into the later convolution")
    func residualFusion() throws {
        var problem = try Self.start("residual")
        problem.node("r", .activation(Activation(.relu)), "y")
        problem.node("u", Self.convolution(), "r", "w")
        problem.node("a", .arithmetic(Arithmetic(.add)), "r", "u")
        problem.node("z", .activation(Activation(.relu)), "a")
        let plan = try problem.check()
        #expect(plan.rewrites(by: "residual fusion") == ["a"])
        #expect(plan.kinds == ["convolution", "convolution"])
        #expect(plan.steps.last { $0.kind == "convolution" }?.fused == ["a", "z"])
    }

    @Test("An operand that is needed later is not overwritten by a residual Add")
    func residualOperandSurvives() throws {
        var problem = try Self.start("residual operand that is used later")
        problem.node("u", Self.convolution(), "y", "w")
        problem.node("a", .arithmetic(Arithmetic(.add)), "u", "y")
        problem.node("z", .arithmetic(Arithmetic(.multiply)), "a", "y")
        #expect(try problem.check().rewrites(by: "residual fusion") == ["a"])

        problem.outputs = ["y", "a", "z"]
        try problem.check()

        var input = Problem("residual operand that is the caller's")
        try input.input("x", [2, 8, 6, 6])
        try input.constant("w", [8, 8, 3, 3])
        input.node("y", Self.convolution(), "x", "w")
        input.node("a", .arithmetic(Arithmetic(.add)), "x", "y")
        let before = try input.given[0].floats()
        #expect(try input.check().rewrites(by: "residual fusion") == ["a"])
        #expect(try input.given[0].floats() == before)
    }

    @Test("A residual Add is not fused if the convolution is an output or has another use")
    func residualStays() throws {
        var problem = try Self.start("residual that stays")
        problem.node("u", Self.convolution(), "y", "w")
        problem.node("a", .arithmetic(Arithmetic(.add)), "u", "x")
        problem.outputs = ["a", "u"]
        #expect(try problem.check().rewrites(by: "residual fusion").isEmpty)
    }

    @Test("A constant matrix product becomes an inner product that reads a convolution's blocked layout")
    func matrixProductSelection() throws {
        var problem = try Self.start("classifier")
        problem.node("f", .flatten(Flatten()), "y")
        try problem.constant("m", [288, 5])
        try problem.constant("c", [5])
        problem.node("z", .gemm(Gemm()), "f", "m", "c")
        let plan = try problem.check()
        #expect(plan.rewrites(by: "matrix product selection") == ["z"])
        #expect(plan.kinds == ["convolution", "inner product"])
        #expect(plan.steps.last?.kind == "inner product")
    }

    /// x `[2, 5, 16]`, and `y`, its product with a matrix of 16 by `width` plus a bias.
    private static func linear(_ description: String, width: Int) throws -> Problem {
        var problem = Problem(description)
        try problem.input("x", [2, 5, 16])
        try problem.constant("w", [16, width])
        try problem.constant("b", [width])
        problem.node("p", .matMul(MatMul()), "x", "w")
        problem.node("y", .arithmetic(Arithmetic(.add)), "b", "p")
        return problem
    }

    @Test("Two successive uses of one activation keep their own parameters", arguments: [false, true])
    func functionTwice(_ followsConvolution: Bool) throws {
        var problem = try Self.start("a function twice, after a convolution: \(followsConvolution)")
        let value = followsConvolution ? "y" : "x"
        problem.node("p", .arithmetic(Arithmetic(.multiply)), value, value)
        let start = followsConvolution ? "y" : "p"
        problem.node("a", .activation(Activation(.leakyRelu, alpha: 0.5)), start)
        problem.node("z", .activation(Activation(.leakyRelu, alpha: 0.25)), "a")
        try problem.check()
    }

    @Test("Arithmetic with a scalar is fused as a linear function into the preceding product")
    func linearRecognition() throws {
        var problem = Problem("one minus the square")
        try problem.input("x", [2, 8, 6])
        try problem.constant("one", [1], in: 1...1)
        try problem.constant("two", [], in: 2...2)
        problem.node("p", .arithmetic(Arithmetic(.multiply)), "x", "x")
        problem.node("m", .arithmetic(Arithmetic(.subtract)), "one", "p")
        let plan = try problem.check()
        #expect(plan.rewrites(by: "linear recognition") == ["m"])
        #expect(plan.kinds == ["multiply"])
        problem.node("z", .arithmetic(Arithmetic(.multiply)), "two", "m")
        #expect(try problem.check().kinds.first == "multiply")
        // A number divided by the value is not a linear function.
        problem.node("d", .arithmetic(Arithmetic(.divide)), "two", "p")
        #expect(try problem.check().rewrites(by: "linear recognition").isEmpty)
    }

    @Test("A linear layer on tokens is one inner product with its bias and activation")
    func linearLayer() throws {
        var problem = try Self.linear("linear layer", width: 24)
        #expect(try problem.check().kinds == ["inner product"])
        problem.node("z", .activation(Activation(.gelu)), "y")
        let plan = try problem.check()
        #expect(plan.rewrites(by: "view postponement") == ["y", "z"])
        #expect(plan.rewrites(by: "bias fusion") == ["y"])
        #expect(plan.rewrites(by: "activation fusion") == ["z"])
        #expect(plan.kinds == ["inner product"])
        #expect(plan.steps.first?.fused == ["y", "z"])
    }

    @Test("The residual sum of a linear layer is fused into its inner product", arguments: [false, true])
    func linearResidual(_ operandIsUsedLater: Bool) throws {
        var problem = try Self.linear("residual sum, operand used later: \(operandIsUsedLater)", width: 16)
        problem.node("r", .activation(Activation(.relu)), "x")
        problem.node("a", .arithmetic(Arithmetic(.add)), "r", "y")
        problem.node("z", .activation(Activation(.tanh)), "a")
        if operandIsUsedLater { problem.node("u", .arithmetic(Arithmetic(.multiply)), "z", "r") }
        let plan = try problem.check()
        #expect(plan.rewrites(by: "residual fusion") == ["a"])
        #expect(plan.kinds == ["relu", "inner product"] + (operandIsUsedLater ? ["multiply"] : []))
    }

    @Test(
        "Matrix products of many rows agree with the reference, with weights in either order, bias, activation and sum",
        arguments: [false, true],
        [(37, 24), (16, 8), (17, 20), (49, 13), (16, 3)])
    func matrixProductOfRows(_ transposesWeights: Bool, _ size: (rows: Int, width: Int)) throws {
        let (rows, width) = size
        for sumIsUsedLater in [false, true] {
            var problem = Problem(
                "\(rows) rows of \(width), weights transposed: \(transposesWeights), sum used later: \(sumIsUsedLater)")
            try problem.input("x", [rows, width])
            try problem.constant("w", [width, width])
            try problem.constant("b", [width])
            problem.node("r", .activation(Activation(.relu)), "x")
            problem.node("p", .gemm(Gemm(transposeB: transposesWeights)), "r", "w", "b")
            problem.node("a", .arithmetic(Arithmetic(.add)), "p", "r")
            problem.node("g", .activation(Activation(.gelu)), "a")
            problem.node("z", .gemm(Gemm(transposeB: transposesWeights)), "g", "w")
            if sumIsUsedLater { problem.node("u", .arithmetic(Arithmetic(.multiply)), "z", "r") }
            for threads in 1...2 { try problem.check(threads: threads) }
        }
    }

    @Test("The weights of matrix products of many rows are packed once", .enabled(if: ProcessorSupport.hasAVX2))
    func weightsOfRows() throws {
        var problem = Problem("197 tokens, 96 to 64")
        try problem.input("x", [197, 96])
        try problem.constant("w", [96, 64])
        problem.node("z", .gemm(Gemm(transposeB: false)), "x", "w")
        let step = try #require(try problem.check().steps.first)
        let kind = ProcessorSupport.hasAVX512 ? "brg:" : "jit_1x1:avx2"
        #expect(step.implementation.hasPrefix(kind), "\(step.implementation)")
    }

    @Test("A linear layer whose result has another use keeps its sum separate")
    func linearLayerUsedTwice() throws {
        var problem = try Self.linear("linear layer used twice", width: 16)
        problem.outputs = ["p", "y"]
        let plan = try problem.check()
        #expect(plan.rewrites(by: "bias fusion").isEmpty)
        #expect(plan.kinds.contains("add"))

        var other = try Self.linear("an addend for each token", width: 16)
        try other.constant("t", [1, 5, 16])
        other.node("z", .arithmetic(Arithmetic(.add)), "y", "t")
        #expect(try other.check().kinds == ["inner product", "add"])

        var column = Problem("an addend for each row")
        try column.input("x", [5, 16])
        try column.constant("w", [16, 5])
        try column.constant("b", [5, 1])
        column.node("p", .matMul(MatMul()), "x", "w")
        column.node("y", .arithmetic(Arithmetic(.add)), "p", "b")
        #expect(try column.check().rewrites(by: "bias fusion").isEmpty)

        var broadcast = Problem("a view that the addend widens")
        try broadcast.input("x", [4, 8])
        try broadcast.constant("w", [8, 6])
        try broadcast.constant("b", [6])
        broadcast.node("p", .matMul(MatMul()), "x", "w")
        broadcast.node("v", .reshape(Reshape([24, 1])), "p")
        broadcast.node("y", .arithmetic(Arithmetic(.add)), "v", "b")
        #expect(try broadcast.check().rewrites(by: "view postponement").isEmpty)
    }
}
