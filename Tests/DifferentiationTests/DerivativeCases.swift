// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// Every operator in the forms that have a derivative of their own.
let cases: Result<[DerivativeCase], any Error> = Result {
    try activations() + arithmetic() + convolutions() + poolings() + products() + reductions() + normalizations()
        + movements() + networks()
}

private func activations() throws -> [DerivativeCase] {
    try Activation.Function.allCases.filter { ![.floor, .ceil, .round].contains($0) }.map { function in
        let isOfPositives = [.logarithm, .squareRoot].contains(function)
        return try DerivativeCase(
            "\(function)", .activation(Activation(function, alpha: alpha(of: function), beta: 0.77)), [1, 2, 3, 5],
            around: isOfPositives ? 4 : 0, spacing: 0.13)
    }
}

private func alpha(of function: Activation.Function) -> Float {
    switch function {
    case .clip: -0.4
    case .leakyRelu: 0.1
    case .elu: 0.9
    case .hardSigmoid: 0.2
    case .thresholdedRelu: 0.5
    default: 0
    }
}

private func arithmetic() throws -> [DerivativeCase] {
    var cases: [DerivativeCase] = []
    for function in Arithmetic.Function.allCases where !function.isComparison {
        for (position, shape, other) in [
            (0, [1, 3, 4, 4], [3, 1, 1]), (0, [3, 1, 1], [2, 3, 4, 4]), (1, [4], [2, 3, 4]),
            (1, [1, 3, 4], [1, 3, 4]),
        ] where ![.power, .keep].contains(function) || position == 0 {
            cases.append(
                try DerivativeCase(
                    "\(function) of \(shape) at \(position) with \(other)", .arithmetic(Arithmetic(function)), shape,
                    constants: [other], xAt: position, around: 4, spacing: 0.083, range: 0.5...2))
        }
    }
    // Its condition is 0 at some elements.
    var choice = try DerivativeCase("a choice by a condition", [1, 3, 4, 4], spacing: 0.083)
    let (first, second) = (try choice.constant([1, 3, 4, 4]), try choice.constant([1, 3, 4, 4]))
    choice.node("condition", .arithmetic(Arithmetic(.greater)), [first, second])
    choice.node("y", .arithmetic(Arithmetic(.keep)), ["x", "condition"])
    var square = try DerivativeCase("the input by itself", [2, 3])
    square.node("y", .arithmetic(Arithmetic(.multiply)), ["x", "x"])
    var ratio = try DerivativeCase("a function by another", [2, 3], around: 2)
    ratio.node("a", .activation(Activation(.tanh)), ["x"])
    ratio.node("y", .arithmetic(Arithmetic(.divide)), ["a", "x"])
    return cases + [choice, square, ratio]
}

private func convolution(
    _ input: [Int], _ weights: [Int], strides: [Int]? = nil, dilations: [Int]? = nil, pads: [Int]? = nil,
    groups: Int = 1
) throws -> DerivativeCase {
    try DerivativeCase(
        "convolution of \(input) by \(weights), strides \(strides ?? []), dilations \(dilations ?? []), "
            + "pads \(pads ?? []), \(groups) groups",
        .convolution(
            Convolution(
                window: Window(kernel: Array(weights.dropFirst(2)), strides: strides, dilations: dilations, pads: pads),
                groups: groups)), input, constants: [weights, [weights[0]]])
}

private func convolutions() throws -> [DerivativeCase] {
    try [
        convolution([1, 3, 8, 9], [4, 3, 3, 3], pads: [1, 1, 1, 1]),
        convolution([2, 4, 9, 9], [6, 4, 3, 3], strides: [2, 2]),
        convolution([1, 4, 10, 8], [6, 2, 3, 2], strides: [3, 2], pads: [0, 1, 2, 0], groups: 2),
        convolution([1, 6, 8, 8], [6, 1, 3, 3], strides: [2, 2], pads: [1, 1, 1, 1], groups: 6),
        convolution([1, 2, 12, 12], [3, 2, 3, 3], dilations: [2, 3], pads: [2, 0, 1, 3]),
        // More padding than the window reaches: the transpose crops.
        convolution([1, 2, 5, 5], [3, 2, 1, 1], strides: [2, 2], pads: [1, 1, 1, 1]),
        convolution([1, 3, 20], [4, 3, 5], strides: [3], pads: [2, 1]),
        convolution([1, 2, 4, 5, 4], [3, 2, 2, 2, 2], strides: [2, 1, 1]),
    ]
}

private func poolings() throws -> [DerivativeCase] {
    var cases: [DerivativeCase] = []
    for kind in [Pooling.Kind.maximum, .average, .averageWithPadding] {
        for (window, ceil, shape) in [
            (Window(kernel: [3, 3], strides: [2, 2]), false, [2, 3, 9, 9]),
            (Window(kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1]), true, [1, 2, 8, 8]),
            (Window(kernel: [2, 2], strides: [3, 3]), true, [1, 3, 7, 8]),
            (Window(kernel: [3, 2], strides: [2, 3], pads: [1, 1, 0, 1]), false, [1, 2, 10, 9]),
            (Window(kernel: [3, 3], dilations: [2, 2]), false, [1, 1, 8, 9]),
        ] {
            cases.append(
                try DerivativeCase(
                    "\(kind) pooling of \(shape) by \(window), ceil \(ceil)",
                    .pooling(Pooling(kind, window: window, ceil: ceil)), shape))
        }
    }
    return try cases + [
        DerivativeCase("global average", .globalPooling(GlobalPooling(.average)), [2, 3, 4, 5]),
        DerivativeCase("global maximum", .globalPooling(GlobalPooling(.maximum)), [2, 3, 4, 5]),
    ]
}

private func products() throws -> [DerivativeCase] {
    var cases: [DerivativeCase] = []
    for (transposeA, transposeB) in [(false, false), (true, false), (false, true), (true, true)] {
        let gemm = ModelGraph.Operation.gemm(
            Gemm(alpha: 0.7, beta: 1.3, transposeA: transposeA, transposeB: transposeB))
        let (a, b) = (transposeA ? [4, 3] : [3, 4], transposeB ? [5, 4] : [4, 5])
        for (position, shapes) in [(0, (a, [b, [5]])), (1, (b, [a, [3, 1]])), (2, ([5], [a, b]))] {
            cases.append(
                try DerivativeCase(
                    "gemm, transposed \(transposeA) \(transposeB), by operand \(position)", gemm, shapes.0,
                    constants: shapes.1, xAt: position))
        }
    }
    for (position, own, other) in [
        (0, [2, 3, 4], [4, 5]), (1, [4, 5], [2, 3, 4]), (0, [3, 4], [2, 4, 5]), (0, [4], [4, 5]), (1, [4], [2, 3, 4]),
        (1, [2, 1, 4, 3], [2, 2, 3, 4]),
    ] {
        cases.append(
            try DerivativeCase(
                "matrix product of \(own) at \(position) with \(other)", .matMul(MatMul()), own, constants: [other],
                xAt: position))
    }
    var attention = try DerivativeCase("the input by its own transpose", [2, 3, 4])
    attention.node("t", .transpose(Transpose([0, 2, 1])), ["x"])
    attention.node("y", .matMul(MatMul()), ["x", "t"])
    return cases + [attention]
}

private func reductions() throws -> [DerivativeCase] {
    try [true, false].flatMap { keeps in
        try [
            DerivativeCase(
                "mean, keeping \(keeps)", .reduceMean(ReduceMean(axes: [1, -1], keepsDimensions: keeps)), [2, 3, 4]),
            DerivativeCase(
                "sum, keeping \(keeps)", .reduction(Reduction(.sum, axes: [0, 2], keepsDimensions: keeps)), [2, 3, 4]),
            DerivativeCase(
                "maximum, keeping \(keeps)", .reduction(Reduction(.maximum, axes: [1], keepsDimensions: keeps)),
                [2, 3, 4]),
            DerivativeCase(
                "minimum, keeping \(keeps)", .reduction(Reduction(.minimum, axes: [], keepsDimensions: keeps)),
                [2, 3, 4]),
        ]
    }
}

private func normalizations() throws -> [DerivativeCase] {
    try [
        DerivativeCase(
            "batch normalisation", .batchNormalization(BatchNormalization(epsilon: 1e-3)), [2, 3, 4, 4],
            constants: [[3], [3], [3], [3]], range: 0.5...1.5),
        DerivativeCase(
            "layer normalisation", .layerNormalization(LayerNormalization(axis: -1, epsilon: 1e-3)), [2, 3, 6],
            constants: [[6], [6]]),
        DerivativeCase(
            "layer normalisation over two axes", .layerNormalization(LayerNormalization(axis: 1, epsilon: 1e-3)),
            [2, 3, 4], constants: [[3, 4]]),
        DerivativeCase(
            "response normalisation of five",
            .localResponseNormalization(LocalResponseNormalization(size: 5, alpha: 0.2, beta: 0.75, bias: 1)),
            [2, 7, 3, 2], spacing: 0.05),
        DerivativeCase(
            "response normalisation of four",
            .localResponseNormalization(LocalResponseNormalization(size: 4, alpha: 0.2, beta: 0.75, bias: 2)),
            [1, 6, 3, 2]),
        DerivativeCase("softmax", .softmax(Softmax(axis: -1)), [2, 3, 5]),
        DerivativeCase("softmax over channels", .softmax(Softmax(axis: 1)), [2, 5, 3]),
        DerivativeCase(
            "softmax over a tail", .softmax(Softmax(axis: 1, flattensTail: true)), [2, 3, 4], spacing: 0.05),
    ]
}

private func movements() throws -> [DerivativeCase] {
    var concat = try DerivativeCase("concatenation with itself and a constant", [1, 2, 3])
    let constant = try concat.constant([1, 4, 3])
    concat.node("a", .activation(Activation(.tanh)), ["x"])
    concat.node("y", .concat(Concat(axis: -2)), ["x", constant, "a", "x"])
    return try [
        concat,
        DerivativeCase("transposing", .transpose(Transpose([2, 0, 1])), [2, 3, 4]),
        DerivativeCase("reshaping", .reshape(Reshape([0, -1])), [2, 3, 4]),
        DerivativeCase("flattening", .flatten(Flatten(axis: 2)), [2, 3, 4]),
        DerivativeCase("squeezing", .squeeze(Squeeze(axes: [1])), [2, 1, 4]),
        DerivativeCase("unsqueezing", .unsqueeze(Unsqueeze(axes: [0, -1])), [2, 4]),
        DerivativeCase("identity", .identity(Identity()), [2, 4]),
        DerivativeCase("padding and cropping", .pad(Pad(.constant, pads: [0, 1, -1, 2, -1, 3], value: 5)), [2, 3, 4]),
        DerivativeCase(
            "slicing", .slice(Slice(starts: [1, -6], ends: [100, -1], axes: [0, 2], steps: [1, 2])), [3, 2, 7]),
    ]
}

private func networks() throws -> [DerivativeCase] {
    var residual = try DerivativeCase("a residual block with a gate", [1, 3, 8, 8])
    let first = try residual.constant([4, 3, 3, 3])
    let second = try residual.constant([4, 4, 3, 3])
    let gate = try residual.constant([4, 4, 1, 1])
    let window = Window(kernel: [3, 3], pads: [1, 1, 1, 1])
    residual.node("a", .convolution(Convolution(window: window)), ["x", first])
    residual.node("b", .activation(Activation(.relu)), ["a"])
    residual.node("c", .convolution(Convolution(window: window)), ["b", second])
    residual.node("d", .globalPooling(GlobalPooling(.average)), ["c"])
    residual.node("e", .convolution(Convolution(window: Window(kernel: [1, 1]))), ["d", gate])
    residual.node("f", .activation(Activation(.sigmoid)), ["e"])
    residual.node("g", .arithmetic(Arithmetic(.multiply)), ["c", "f"])
    residual.node("h", .arithmetic(Arithmetic(.add)), ["g", "b"])
    residual.node("i", .activation(Activation(.gelu)), ["h"])
    return [residual]
}
