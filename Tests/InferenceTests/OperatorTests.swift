// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import OneDNN
import Testing

/// Compares every operator, in each form that oneDNN treats differently, with plain loops in double precision.
struct OperatorTests {
    /// A problem of one node with one input and random constants.
    static func single(
        _ description: String, _ operation: ModelGraph.Operation, _ input: [Int], constants: [[Int]] = []
    ) throws -> Problem {
        var problem = Problem(description)
        try problem.input("x", input)
        for (index, shape) in constants.enumerated() { try problem.constant("c\(index)", shape) }
        switch constants.count {
        case 0: problem.node("y", operation, "x")
        case 1: problem.node("y", operation, "x", "c0")
        case 2: problem.node("y", operation, "x", "c0", "c1")
        default: problem.node("y", operation, "x", "c0", "c1", "c2", "c3")
        }
        return problem
    }

    static func convolution(
        _ input: [Int], _ weights: [Int], bias: Bool = true, strides: [Int]? = nil, dilations: [Int]? = nil,
        pads: [Int]? = nil, groups: Int = 1
    ) throws -> Problem {
        let window = Window(kernel: Array(weights.dropFirst(2)), strides: strides, dilations: dilations, pads: pads)
        return try single(
            "convolution \(input) by \(weights), strides \(strides ?? []), pads \(pads ?? []), \(groups) groups",
            .convolution(Convolution(window: window, groups: groups)), input,
            constants: bias ? [weights, [weights[0]]] : [weights])
    }

    static let convolutions: Result<[Problem], any Error> = Result {
        [
            try convolution([1, 3, 17, 19], [16, 3, 3, 3], strides: [2, 2]),
            try convolution([2, 16, 9, 9], [24, 16, 1, 1], bias: false),
            try convolution([1, 5, 11, 8], [7, 5, 3, 2], pads: [0, 1, 2, 0]),
            try convolution([1, 12, 10, 10], [12, 1, 3, 3], pads: [1, 1, 1, 1], groups: 12),
            try convolution([3, 8, 10, 10], [12, 4, 3, 3], pads: [1, 1, 1, 1], groups: 2),
            try convolution([1, 6, 12, 12], [9, 6, 3, 3], dilations: [2, 3], pads: [2, 3, 2, 3]),
            try convolution([1, 4, 30], [6, 4, 5], strides: [3], pads: [2, 1]),
            try convolution([1, 2, 6, 7, 8], [4, 2, 3, 3, 3], pads: [1, 1, 1, 1, 1, 1]),
        ]
    }

    @Test(
        "Convolutions agree with the plain-loop reference to 1e-5 of the largest output",
        arguments: try convolutions.get())
    func convolves(_ problem: Problem) throws { try problem.check() }

    static let poolings: Result<[Problem], any Error> = Result {
        try [Pooling.Kind.maximum, .average, .averageWithPadding].flatMap { kind in
            try [
                (Window(kernel: [3, 3], strides: [2, 2]), false, [2, 16, 15, 15]),
                (Window(kernel: [3, 2], strides: [2, 3], pads: [1, 1, 0, 1]), false, [1, 5, 12, 13]),
                (Window(kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1]), true, [1, 4, 12, 12]),
                (Window(kernel: [2, 2], strides: [3, 3]), true, [1, 3, 10, 11]),
                (Window(kernel: [3, 3], dilations: [2, 2]), false, [1, 3, 10, 11]),
                (Window(kernel: [4], strides: [2]), true, [2, 3, 11]),
            ].map { window, ceil, shape in
                try single(
                    "\(kind) pooling of \(shape), \(window), ceil \(ceil)",
                    .pooling(Pooling(kind, window: window, ceil: ceil)), shape)
            }
        }
            + [GlobalPooling.Kind.maximum, .average].map { kind in
                try single("global \(kind) pooling", .globalPooling(GlobalPooling(kind)), [2, 20, 7, 6])
            }
    }

    @Test(
        "Pooling operators agree with the plain-loop reference to 1e-5 of the largest output",
        arguments: try poolings.get())
    func pools(_ problem: Problem) throws { try problem.check() }

    static let windows = [
        Window(kernel: [3, 3], strides: [2, 2]), Window(kernel: [2, 2], strides: [2, 2]),
        Window(kernel: [3, 2], strides: [1, 3], pads: [2, 1, 1, 0]),
        Window(kernel: [3, 3], strides: [1, 1], dilations: [2, 2], pads: [2, 2, 2, 2]),
        Window(kernel: [2, 2], dilations: [10, 9]), Window(kernel: [3, 3], strides: [3, 3], pads: [2, 2, 2, 2]),
    ]

    @Test(
        "Maximum pooling of a convolution's output in its blocked layout agrees with the reference", arguments: windows,
        [false, true])
    func poolsConvolutionResults(_ window: Window, _ ceil: Bool) throws {
        for images in [1, 3] {
            var problem = try Self.convolution([images, 8, 13, 12], [24, 8, 3, 3])
            // The subtraction makes elements negative, so that a maximum taken from zero padding would be seen.
            try problem.constant("s", [1, 24, 1, 1], in: 3...4)
            problem.node("n", .arithmetic(Arithmetic(.subtract)), "y", "s")
            problem.node("z", .pooling(Pooling(.maximum, window: window, ceil: ceil)), "n")
            for threads in 1...2 {
                let plan = try problem.check(threads: threads)
                let step = try #require(plan.steps.first { $0.kind == "maximum pooling" })
                if ProcessorSupport.hasAVX2, !ProcessorSupport.hasAVX512 { #expect(step.implementation == "loop") }
            }
            problem.node("c", .concat(Concat(axis: 1)), "z", "z")
            try problem.check()
        }
    }

    @Test(
        "Pooling of a row-major tensor does not use oneDNN's reference implementation",
        arguments: [Pooling.Kind.maximum, .average, .averageWithPadding])
    func poolsRowMajor(_ kind: Pooling.Kind) throws {
        let padded = Window(kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1])
        var windows = [(padded, true), (Self.windows[1], false)]
        if kind == .maximum {
            windows.append((Window(kernel: [3, 3], dilations: [2, 2], pads: [1, 1, 1, 1]), false))
        }
        for (window, ceil) in windows {
            for shape in [[1, 16, 13, 12], [3, 24, 14, 14]] {
                let problem = try Self.single(
                    "\(kind) pooling of \(shape)", .pooling(Pooling(kind, window: window, ceil: ceil)), shape)
                for threads in 1...2 {
                    let plan = try problem.check(threads: threads)
                    guard ProcessorSupport.hasAVX2 else { continue }
                    let pooling = try #require(plan.steps.first { $0.kind.hasSuffix("pooling") })
                    #expect(!["simple_nchw", "ref"].contains { pooling.implementation.hasPrefix($0) })
                }
            }
        }
    }

    static let arithmetics: Result<[Problem], any Error> = Result {
        try [Arithmetic.Function.add, .subtract, .multiply, .divide].flatMap { function in
            try [
                ([2, 3, 4, 5], [2, 3, 4, 5]), ([2, 3, 4, 5], [1, 3, 1, 1]), ([2, 3, 4, 5], [5]),
                ([4, 5], [2, 3, 4, 5]),
                ([2, 1, 4, 1], [1, 3, 1, 5]), ([3], [1]), ([], [2, 3]), ([6, 1, 2], [6, 1, 1]),
            ].map { first, second in
                var problem = Problem("\(function) of \(first) and \(second)")
                try problem.input("a", first)
                try problem.constant("b", second, in: 0.5...2)
                problem.node("y", .arithmetic(Arithmetic(function)), "a", "b")
                return problem
            }
        }
    }

    @Test("Comparisons give 0 or 1, and broadcast", arguments: [Arithmetic.Function.equal, .greater, .greaterOrEqual])
    func compares(_ function: Arithmetic.Function) throws {
        for shapes in [([2, 3, 4, 5], [2, 3, 4, 5]), ([2, 3, 4, 5], [5]), ([4, 5], [2, 3, 4, 5]), ([6], [])] {
            var problem = Problem("\(function) of \(shapes)")
            try problem.input("a", shapes.0)
            try problem.constant("b", shapes.1, in: -0.2...0.2)
            problem.node("y", .arithmetic(Arithmetic(function)), "a", "b")
            // Equal operands.
            problem.node("z", .arithmetic(Arithmetic(function)), "a", "a")
            problem.outputs = ["y", "z"]
            try problem.check()
        }
        // An operand in the layout that a convolution chose.
        var convolved = try Self.convolution([1, 4, 6, 6], [16, 4, 3, 3])
        try convolved.constant("limit", [16, 1, 1])
        convolved.node("z", .arithmetic(Arithmetic(function)), "y", "limit")
        try convolved.check()
    }

    @Test("Where replaces NaN by 0 if its condition is false")
    func keeps() throws {
        for shapes in [([2, 3, 4, 5], [2, 3, 4, 5]), ([2, 3, 4, 5], [5]), ([4, 5], [2, 3, 4, 5]), ([6], [])] {
            var problem = Problem("logarithms of \(shapes)")
            try problem.input("a", shapes.0)
            try problem.constant("b", shapes.1, in: 0.01...0.2)
            problem.node("logarithm", .activation(Activation(.logarithm)), "a")
            problem.node("condition", .arithmetic(Arithmetic(.greater)), "a", "b")
            problem.node("y", .arithmetic(Arithmetic(.keep)), "logarithm", "condition")
            problem.outputs = ["y"]
            try problem.check()
        }
    }

    @Test("Arithmetic broadcasts as NumPy does", arguments: try arithmetics.get())
    func broadcasts(_ problem: Problem) throws { try problem.check() }

    static let activations: [Activation] = [
        Activation(.relu), Activation(.leakyRelu, alpha: 0.1), Activation(.clip, alpha: -0.25, beta: 0.5),
        Activation(.clip, alpha: 0.5, beta: -0.5), Activation(.clip, alpha: -.infinity, beta: 0.25),
        Activation(.sigmoid), Activation(.hardSigmoid, alpha: 0.3, beta: 0.4), Activation(.hardSwish),
        Activation(.tanh), Activation(.elu, alpha: 1.5),
    ]

    @Test(
        "Activations agree with the reference alone, after a convolution, and before another use",
        arguments: activations)
    func activates(_ activation: Activation) throws {
        try Self.single("alone", .activation(activation), [2, 5, 3, 7]).check()
        var problem = try Self.convolution([1, 4, 6, 6], [8, 4, 3, 3])
        problem.node("z", .activation(activation), "y")
        try problem.check()
        problem.outputs = ["y", "z"]
        try problem.check()
    }

    static let others: Result<[Problem], any Error> = Result {
        [
            try single(
                "gemm", .gemm(Gemm(alpha: 0.5, beta: 2, transposeB: true)), [3, 20], constants: [[7, 20], [7]]),
            try single("gemm, scalar addend", .gemm(Gemm()), [3, 20], constants: [[20, 7], []]),
            try single("gemm, matrix addend", .gemm(Gemm(beta: 0.5)), [3, 20], constants: [[20, 7], [3, 7]]),
            try single("gemm, column addend", .gemm(Gemm(beta: 0.5)), [3, 20], constants: [[20, 7], [3, 1]]),
            try single(
                "gemm, transposed input", .gemm(Gemm(alpha: 3, transposeA: true)), [20, 3],
                constants: [[20, 7], [1, 7]]),
            try single("matrix product with a constant", .matMul(MatMul()), [2, 5, 6], constants: [[6, 4]]),
            try single("matrix product of stacks", .matMul(MatMul()), [2, 1, 5, 6], constants: [[3, 6, 4]]),
            try single("matrix by vector", .matMul(MatMul()), [5, 6], constants: [[6]]),
            try single("vector by matrix", .matMul(MatMul()), [6], constants: [[6, 4]]),
            try single("vector by vector", .matMul(MatMul()), [6], constants: [[6]]),
            try single("softmax", .softmax(Softmax(axis: -1)), [3, 11]),
            try single("softmax over channels", .softmax(Softmax(axis: 1)), [2, 5, 3, 4]),
            try single("softmax over a tail", .softmax(Softmax(axis: 1, flattensTail: true)), [2, 5, 3, 4]),
            try single(
                "response normalisation, odd",
                .localResponseNormalization(.init(size: 5, alpha: 0.3, beta: 0.75, bias: 1.5)), [2, 12, 4, 5]),
            try single(
                "response normalisation, even",
                .localResponseNormalization(.init(size: 4, alpha: 0.3, beta: 0.75, bias: 1.5)), [2, 12, 4, 5]),
            try single(
                "mean over space", .reduceMean(ReduceMean(axes: [2, 3], keepsDimensions: false)), [2, 12, 4, 5]),
            try single("mean over one axis", .reduceMean(ReduceMean(axes: [1], keepsDimensions: true)), [2, 12, 4, 5]),
            try single("mean of all", .reduceMean(ReduceMean(axes: [], keepsDimensions: false)), [2, 3, 4]),
            try single(
                "concat of an input and constants", .concat(Concat(axis: -1)), [2, 3], constants: [[2, 1], [2, 5]]),
            try single("transpose", .transpose(Transpose([2, 0, 3, 1])), [2, 3, 4, 5]),
            try single(
                "slice", .slice(Slice(starts: [1, -3], ends: [100, -1], axes: [1, 3], steps: [2, 1])), [2, 6, 4, 5]),
            try single(
                "slice backwards", .slice(Slice(starts: [-1], ends: [-100], axes: [2], steps: [-2])), [2, 6, 7]),
            try single("pad", .pad(Pad(.constant, pads: [0, 1, 2, 0, 0, 3, 1, 1], value: 0.5)), [2, 3, 4, 5]),
            try single("pad and crop", .pad(Pad(.constant, pads: [0, -1, 2, 0, 0, 0, -1, 1])), [2, 3, 4, 5]),
            try single("pad by reflection", .pad(Pad(.reflect, pads: [0, 0, 2, 1, 0, 0, 1, 2])), [2, 3, 4, 5]),
            try single("pad with edges", .pad(Pad(.edge, pads: [0, 0, 2, 1, 0, 0, 1, 2])), [2, 3, 4, 5]),
            try single("reshape of an input", .reshape(Reshape([4, -1])), [2, 6, 4]),
        ]
    }

    @Test(
        "Other operators agree with the plain-loop reference to 1e-5 of the largest output",
        arguments: try others.get())
    func computes(_ problem: Problem) throws { try problem.check() }

    @Test("Operators that move elements accept a convolution's blocked layout")
    func movesConvolutionResults() throws {
        let moves: [ModelGraph.Operation] = [
            .slice(Slice(starts: [0, 0], ends: [100, 100], axes: [2, 3], steps: [2, 2])),
            .slice(Slice(starts: [3], ends: [9], axes: [1], steps: [1])),
            .pad(Pad(.constant, pads: [0, 4, 0, 0, 0, 4, 0, 0])), .pad(Pad(.edge, pads: [0, 0, 1, 1, 0, 0, 1, 1])),
            .transpose(Transpose([0, 2, 3, 1])), .flatten(Flatten()), .reshape(Reshape([0, 2, -1])),
            .softmax(Softmax(axis: 1)), .reduceMean(ReduceMean(axes: [1], keepsDimensions: false)),
        ]
        for move in moves {
            var problem = try Self.convolution([2, 8, 6, 6], [16, 8, 3, 3])
            problem.node("z", move, "y")
            try problem.check()
            problem.node("w", .activation(Activation(.relu)), "z")
            try problem.check()
        }
    }
}
