// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Operators that ONNX Runtime's optimiser writes when it saves a model.

extension ImportedNode {
    /// The activation that an attribute of a fused operator names.
    private mutating func fusedActivation(
        _ x: Expansion.Source, _ steps: inout Expansion
    ) throws(ONNXImportError) -> Expansion.Source {
        var parameters = try floats("activation_params") ?? []
        for name in ["activation_alpha", "activation_beta"] {
            if let value = try float(name) { parameters.append(value) }
        }
        func parameter(_ index: Int, _ fallback: Float) -> Float {
            index < parameters.count ? parameters[index] : fallback
        }
        switch try text("activation") ?? "" {
        case "": return x
        case "Relu": return steps.add(.relu, x)
        case "Sigmoid": return steps.add(.sigmoid, x)
        case "Tanh": return steps.add(.tanh, x)
        case "LeakyRelu": return steps.add(.leakyRelu, x, alpha: parameter(0, 0.01))
        case "Clip":
            return steps.add(
                .activation(
                    Activation(
                        .clip, alpha: parameter(0, -.greatestFiniteMagnitude),
                        beta: parameter(1, .greatestFiniteMagnitude))),
                x)
        case "HardSigmoid":
            return steps.add(
                .activation(Activation(.hardSigmoid, alpha: parameter(0, 0.2), beta: parameter(1, 0.5))), x)
        case "HardSwish": return steps.add(.hardSwish, x)
        case "Gelu": return steps.add(.gelu, x)
        case let other: throw failure(.unsupported, "activation '\(other.prefix(40))'")
        }
    }

    /// A convolution, an addition and an activation.
    mutating func fusedConvolution() throws(ONNXImportError) -> Lowered {
        guard case .operation(let convolution, _) = try convolution(inputs: 2...4) else {
            throw failure(.invalidGraph, "it is no convolution")
        }
        var steps = Expansion()
        var sources = [try source(0), try source(1)]
        if operand(2) != nil { sources.append(try source(2)) }
        var result = steps.add(convolution, sources)
        if operand(3) != nil { result = steps.add(.add, result, try source(3)) }
        steps.outputs = [try fusedActivation(result, &steps)]
        return .expansion(steps)
    }

    mutating func fusedGemm() throws(ONNXImportError) -> Lowered {
        guard case .operation(let gemm, let names) = try gemm() else {
            throw failure(.invalidGraph, "it is no product")
        }
        var steps = Expansion()
        let result = steps.add(gemm, names.map { .value($0) })
        steps.outputs = [try fusedActivation(result, &steps)]
        return .expansion(steps)
    }

    mutating func fusedMatMul() throws(ONNXImportError) -> Lowered {
        let (turnsA, turnsB, alpha) = (try flag("transA"), try flag("transB"), try float("alpha") ?? 1)
        for name in ["transBatchA", "transBatchB"] { try require(!(try flag(name)), .unsupported, name) }
        return try expansion { (steps) throws(ONNXImportError) in
            func turned(_ index: Int, _ turns: Bool) throws(ONNXImportError) -> Expansion.Source {
                let rank = try shape(index).rank
                guard turns, rank >= 2 else { return try source(index) }
                return steps.add(
                    .transpose(Transpose(Array(0..<rank - 2) + [rank - 1, rank - 2])), try source(index))
            }
            let (a, b) = (try turned(0, turnsA), try turned(1, turnsB))
            let product = steps.add(.matMul(MatMul()), a, b)
            return alpha == 1 ? product : steps.add(.multiply, product, try number(alpha))
        }
    }

    /// A function of the operand plus an optional bias.
    mutating func biased(_ function: Activation.Function) throws(ONNXImportError) -> Lowered {
        try expansion { (steps) throws(ONNXImportError) in
            let x = operand(1) == nil ? try source(0) : steps.add(.add, try source(0), try source(1))
            return steps.add(function, x)
        }
    }

    mutating func quickGelu() throws(ONNXImportError) -> Lowered {
        let alpha = try float("alpha") ?? 1.702
        return try expansion { (steps) throws(ONNXImportError) in
            let x = try source(0)
            return steps.add(.multiply, x, steps.add(.sigmoid, steps.add(.multiply, x, try number(alpha))))
        }
    }

    /// Layer normalisation of a sum: x, skip, scale, bias, bias of the sum. The sum is its fourth output.
    ///
    /// - Parameter isSimple: RMS normalisation without a bias.
    mutating func skipNormalization(isSimple: Bool) throws(ONNXImportError) -> Lowered {
        let shape = try shape(0)
        let epsilon = try float("epsilon") ?? 1e-12
        let last = shape.rank - 1
        var steps = Expansion()
        var sum = steps.add(.add, try source(0), try source(1))
        let (scale, bias, extra) = (2, isSimple ? -1 : 3, isSimple ? 3 : 4)
        if operand(extra) != nil { sum = steps.add(.add, sum, try source(extra)) }
        var result: Expansion.Source
        if isSimple {
            let mean = ReduceMean(axes: [last], keepsDimensions: true)
            let squares = steps.add(.reduceMean(mean), steps.add(.multiply, sum, sum))
            let deviation = steps.add(.squareRoot, steps.add(.add, squares, try number(epsilon)))
            result = steps.add(.multiply, steps.add(.divide, sum, deviation), try source(scale))
        } else {
            var sources = [sum, try source(scale)]
            if operand(bias) != nil { sources.append(try source(bias)) }
            result = steps.add(.layerNormalization(LayerNormalization(axis: last, epsilon: epsilon)), sources)
        }
        // The outputs for training, mean and deviation, are not computed.
        let unused = try number(0)
        steps.outputs = [result, unused, unused, sum]
        return .expansion(steps)
    }

    /// Weights of 4 or 8 bits in blocks along the inner dimension: `[n, blocks, bytes]`.
    mutating func blockedMatMul() throws(ONNXImportError) -> Lowered {
        guard let k = try integer("K"), let n = try integer("N"), let block = try integer("block_size") else {
            throw failure(.malformed, "attributes 'K', 'N' or 'block_size' are missing")
        }
        let bits = try integer("bits") ?? 4
        ignore("accuracy_level")
        let packing = try integer("weight_prepacked") ?? 0
        try require(packing == 0, .unsupported, "weights packed for one processor")
        let (packed, scales) = (try known(1, "weights"), try known(2, "scales"))
        let points = try constant(3, "zero points")
        try require(operand(4) == nil, .unsupported, "g_idx is not supported")
        try require(bits == 4 || bits == 8, .unsupported, "weights of \(bits) bits")
        try require((1...1 << 20).contains(k) && (1...1 << 20).contains(n), "\(k)x\(n)")
        // As ONNX Runtime: powers of two, from 16.
        try require(
            (16...1 << 12).contains(block) && block & (block - 1) == 0, .unsupported, "blocks of \(block) values")
        let blocks = (k + block - 1) / block
        let bytes = block * bits / 8
        try require(
            packed.element == .uint8 && packed.shape.elementCount == n * blocks * bytes
                && scales.shape.elementCount == n * blocks, "weights \(packed.type) do not fit \(k)x\(n)")
        let pointBytes = (blocks * bits + 7) / 8
        try require(
            points == nil || (points?.element == .uint8 && points?.shape.elementCount == n * pointBytes),
            .unsupported, "zero points \(points?.type.description ?? "")")
        let type = TensorType(.float32, try ConstantFolder.shape([k, n]))
        try budget.spend(type)
        let (data, factors, zeros) = (packed.integers(), scales.numbers(), points?.integers())
        func level(_ values: [Int64], _ start: Int, _ index: Int) -> Int64 {
            bits == 8 ? values[start + index] : values[start + index / 2] >> (index % 2 == 0 ? 0 : 4) & 0xF
        }
        var weights = [Float](repeating: 0, count: k * n)
        for column in 0..<n {
            for row in 0..<k {
                let place = column * blocks + row / block
                let zero = zeros.map { level($0, column * pointBytes, row / block) } ?? Int64(1 << (bits - 1))
                weights[row * n + column] = Float(
                    Double(level(data, place * bytes, row % block) - zero) * factors[place])
            }
        }
        let matrix = try ConstantFolder.checked { () throws(TensorError) in try Tensor(type, weights) }
        return try expansion { (steps) throws(ONNXImportError) in
            let product = steps.add(.matMul(MatMul()), try source(0), .constant(matrix))
            return operand(5) == nil ? product : steps.add(.add, product, try source(5))
        }
    }

    /// Values of the 4-bit codes of `MatMulBnb4`, for largest magnitudes of 1: floating point of one sign, two exponent
    /// and one mantissa bit, of which the two smallest are 0 and 1/192; and NormalFloat.
    ///
    /// - Source: Dettmers et al., QLoRA (2023), appendix E, for the second.
    private static let codes: [[Float]] = [
        [0, 1 / 192, 2 / 3, 1, 1 / 3, 1 / 2, 1 / 6, 1 / 4, 0, -1 / 192, -2 / 3, -1, -1 / 3, -1 / 2, -1 / 6, -1 / 4],
        [
            -1, -0.6961928, -0.52507305, -0.3949175, -0.28444138, -0.18477343, -0.091050036, 0, 0.0795803, 0.1609302,
            0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1,
        ],
    ]

    /// Weights in 4-bit codes, the columns of the matrix one after the other, of which each block has a scale.
    mutating func codedMatMul() throws(ONNXImportError) -> Lowered {
        guard let k = try integer("K"), let n = try integer("N"), let block = try integer("block_size"),
            let kind = try integer("quant_type")
        else { throw failure(.malformed, "attributes 'K', 'N', 'block_size' or 'quant_type' are missing") }
        ignore("training_mode")
        let isTransposed = try flag("transB", default: true)
        try require(isTransposed, .unsupported, "transB of 0")
        try require(Self.codes.indices.contains(kind), .unsupported, "codes of kind \(kind)")
        try require((1...1 << 20).contains(k) && (1...1 << 20).contains(n), "\(k)x\(n)")
        // The sizes that ONNX Runtime supports.
        try require([16, 32, 64, 128, 256].contains(block), .unsupported, "blocks of \(block) values")
        let (packed, scales) = (try known(1, "weights"), try known(2, "scales"))
        try require(
            packed.element == .uint8 && packed.shape.elementCount == (k * n + 1) / 2
                && scales.shape.elementCount == (k * n + block - 1) / block,
            "weights \(packed.type) and scales \(scales.type) do not fit \(k)x\(n)")
        let type = TensorType(.float32, try ConstantFolder.shape([k, n]))
        try budget.spend(type)
        let (data, factors) = (packed.integers(), scales.numbers())
        var weights = [Float](repeating: 0, count: k * n)
        for column in 0..<n {
            for row in 0..<k {
                let index = column * k + row
                let code = Int(data[index / 2] >> (index % 2 == 0 ? 4 : 0) & 0xF)
                weights[row * n + column] = Self.codes[kind][code] * Float(factors[index / block])
            }
        }
        let matrix = try ConstantFolder.checked { () throws(TensorError) in try Tensor(type, weights) }
        return try expansion { (steps) throws(ONNXImportError) in
            steps.add(.matMul(MatMul()), try source(0), .constant(matrix))
        }
    }
}
