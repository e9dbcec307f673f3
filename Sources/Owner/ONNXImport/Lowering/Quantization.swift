// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat
import Tensors

// Quantised operators. 8-bit integers are values of the graph. Integers of other widths, and those whose scale depends
// on the image, are represented in float32. Results are computed in float32, exactly while sums stay below 2^24, then
// rounded and saturated as the operators define.

extension ImportedNode {
    mutating func quantizeLinear() throws(ONNXImportError) -> Lowered {
        let output = try quantizedType()
        let axis = try quantizedAxis()
        try require((1...1 << 31).contains(operands.count) && operands.count <= 3, "takes 2 or 3 inputs")
        let stated = operand(2)?.constant?.narrow ?? output?.narrow
        let element = operand(2)?.type?.element ?? output?.element ?? .uint8
        if stated == nil, operand(2)?.isCarried != true {
            return try expansion { (steps) throws(ONNXImportError) in
                try quantized(&steps, source(0), scale: 1, zero: 2, element, axis: axis)
            }
        }
        let type = stated.flatMap { ONNXElement(Int32($0.rawValue)) }
        guard let range = type?.range ?? ONNXElement(2)?.range else {
            throw failure(.unsupported, "integers of \(element) are not supported")
        }
        isInteger = true
        return try expansion { (steps) throws(ONNXImportError) in
            let scale = try parameter(&steps, 1, axis: axis)
            let rounded = steps.add(.round, steps.add(.divide, try source(0), scale))
            let shifted =
                operand(2) == nil ? rounded : steps.add(.add, rounded, try parameter(&steps, 2, axis: axis))
            return steps.add(
                .activation(Activation(.clip, alpha: Float(range.lowerBound), beta: Float(range.upperBound))), shifted)
        }
    }

    mutating func dequantizeLinear() throws(ONNXImportError) -> Lowered {
        let block = try integer("block_size") ?? 0
        _ = try quantizedType()
        let axis = try quantizedAxis()
        return try expansion { (steps) throws(ONNXImportError) in
            if block > 0 { return try dequantizedBlocks(&steps, block, axis: axis) }
            return try dequantized(&steps, 0, scale: 1, zero: 2, axis: axis)
        }
    }

    /// (x - zero point) * scale.
    ///
    /// - Parameter zero: Optional.
    func dequantized(
        _ steps: inout Expansion, _ x: Int, scale: Int, zero: Int, axis: Int
    ) throws(ONNXImportError) -> Expansion.Source {
        let element = try type(x).element
        if element == .float32 || operand(zero)?.isCarried == true {
            // The operand or its scale is represented in float32.
            var value = element == .float32 ? try source(x) : try unscaled(&steps, x)
            if operand(zero) != nil {
                value = steps.add(.subtract, value, try parameter(&steps, zero, axis: axis, of: x))
            }
            return steps.add(.multiply, value, try parameter(&steps, scale, axis: axis, of: x))
        }
        let factor = try single(scale)
        return steps.add(
            .dequantizeLinear(DequantizeLinear(axis: axis)), try source(x), factor,
            try zeroPoint(zero, scale: scale, element))
    }

    /// saturate(round(x / scale) + zero point), of the zero point's type.
    func quantized(
        _ steps: inout Expansion, _ x: Expansion.Source, scale: Int, zero: Int, _ element: ElementType = .uint8,
        axis: Int = 1
    ) throws(ONNXImportError) -> Expansion.Source {
        let element = operand(zero)?.type?.element ?? element
        return steps.add(
            .quantizeLinear(QuantizeLinear(axis: axis)), x, try single(scale),
            try zeroPoint(zero, scale: scale, element))
    }

    private mutating func quantizedType() throws(ONNXImportError) -> ONNXElement? {
        try require(try flag("saturate", default: true), .unsupported, "saturate=0 is for float8 only")
        ignore("precision")
        guard let code = try integer("output_dtype"), code != 0, operatorName == "QuantizeLinear" else { return nil }
        guard let code = Int32(exactly: code), let type = ONNXElement(code), type.range != nil else {
            throw failure(.unsupported, "output_dtype \(code) is not supported")
        }
        return type
    }

    private mutating func quantizedAxis() throws(ONNXImportError) -> Int {
        let axis = opset < 13 && !isMicrosoft ? 1 : try integer("axis") ?? 1
        try require((-Shape.maximumRank..<Shape.maximumRank).contains(axis), "axis \(axis)")
        return axis
    }

    /// A scale or zero point; a single element becomes a scalar, whatever its shape.
    private func single(_ index: Int) throws(ONNXImportError) -> Expansion.Source {
        guard let tensor = operand(index)?.constant?.tensor, tensor.shape.elementCount == 1, tensor.shape.rank > 0
        else { return try source(index) }
        return .constant(try ConstantFolder.checked { () throws(TensorError) in try tensor.reshaped([]) })
    }

    /// A scale or zero point as floats that broadcast to operand `x`.
    private func parameter(
        _ steps: inout Expansion, _ index: Int, axis: Int, of x: Int = 0
    ) throws(ONNXImportError) -> Expansion.Source {
        let (shape, rank) = (try shape(index), try self.shape(x).rank)
        if shape.elementCount == 1 { return try single(index) }
        let place = try resolved([axis], rank)[0]
        return steps.add(.unsqueeze(Unsqueeze(axes: Array(1..<rank - place))), try source(index))
    }

    /// The zero point at this input, or zeros of the scale's shape if it is left out.
    private func zeroPoint(
        _ index: Int, scale: Int, _ element: ElementType
    ) throws(ONNXImportError) -> Expansion.Source {
        if operand(index) != nil { return try single(index) }
        let shape = try shape(scale)
        return .filled(
            TensorType(element, try ConstantFolder.shape(shape.elementCount == 1 ? [] : shape.dimensions)),
            with: try zero(element))
    }

    private func zero(_ element: ElementType) throws(ONNXImportError) -> Tensor {
        Tensor(type: TensorType(element, try ConstantFolder.shape([]))) { _ in }
    }

    /// Blocked quantisation: each scale and zero point is for several adjacent elements along the axis. They must be
    /// constants.
    private func dequantizedBlocks(
        _ steps: inout Expansion, _ block: Int, axis: Int
    ) throws(ONNXImportError) -> Expansion.Source {
        let shape = try shape(0)
        let axis = try resolved([axis], shape.rank)[0]
        func spread(_ index: Int) throws(ONNXImportError) -> Expansion.Source {
            let tensor = try known(index, "the parameters of blocks")
            try require(
                tensor.shape.rank == shape.rank && tensor.shape[axis].multipliedClamping(by: block) >= shape[axis]
                    && shape.dimensions.indices.allSatisfy { $0 == axis || tensor.shape[$0] == shape[$0] },
                "blocks \(tensor.shape) of \(block) do not fit \(shape)")
            let strides = tensor.shape.strides
            var budget = budget
            try budget.spend(numbers: shape.elementCount)
            let own = shape.strides
            let positions = (0..<shape.elementCount).map { position in
                shape.dimensions.indices.reduce(0) { sum, place in
                    let index = position / own[place] % shape[place]
                    return sum + (place == axis ? index / block : index) * strides[place]
                }
            }
            return .constant(try ConstantFolder.picked(tensor, at: positions, shape, budget: &budget))
        }
        let isWhole = try type(0).element != .float32 && operand(0)?.constant == nil
        var value = isWhole ? try unscaled(&steps, 0) : try source(0)
        if operand(2) != nil { value = steps.add(.subtract, value, try spread(2)) }
        return steps.add(.multiply, value, try spread(1))
    }

    /// x, its scale and zero point, weights with theirs, those of the result, optionally a bias in int32, whose scale
    /// is the product of the first two.
    mutating func quantizedConvolution() throws(ONNXImportError) -> Lowered {
        try require((8...9).contains(operands.count), "takes 8 or 9 inputs, found \(operands.count)")
        let layout = ChannelsLast(try flag("channels_last"))
        let (input, weights) = (try layout.turned(try shape(0)), try shape(3))
        try require(input.rank >= 3 && weights.rank == input.rank, "weights \(weights) do not fit \(input)")
        let convolution = Convolution(
            window: try window(over: input, kernel: Array(weights.dimensions.dropFirst(2))).window,
            groups: try integer("group") ?? 1)
        return try expansion { (steps) throws(ONNXImportError) in
            var sources = [
                layout.first(&steps, try dequantized(&steps, 0, scale: 1, zero: 2, axis: 1), input.rank),
                try dequantized(&steps, 3, scale: 4, zero: 5, axis: 0),
            ]
            if operand(8) != nil { sources.append(try quantizedBias(&steps, 8, 1, 4)) }
            let result = steps.add(.convolution(convolution), sources)
            return try quantized(&steps, layout.last(&steps, result, input.rank), scale: 6, zero: 7)
        }
    }

    /// A bias in int32, whose scale is the product of two scales, times `alpha`.
    private func quantizedBias(
        _ steps: inout Expansion, _ bias: Int, _ first: Int, _ second: Int, alpha: Float = 1
    ) throws(ONNXImportError) -> Expansion.Source {
        var scale = steps.add(.multiply, try single(first), try single(second))
        if alpha != 1 { scale = steps.add(.multiply, scale, try number(alpha)) }
        let extents = [try shape(first), try shape(second)].first { $0.elementCount > 1 }?.dimensions ?? []
        let zeros = Expansion.Source.filled(
            TensorType(.int32, try ConstantFolder.shape(extents)), with: try zero(.int32))
        return steps.add(.dequantizeLinear(DequantizeLinear(axis: -1)), try source(bias), scale, zeros)
    }

    /// a, its scale and zero point, b with its own, and those of the result. Scales of a are per row, of b per column.
    mutating func quantizedMatMul() throws(ONNXImportError) -> Lowered {
        try require(operands.count == 8, "takes 8 inputs, found \(operands.count)")
        return try expansion { (steps) throws(ONNXImportError) in
            let a = try dequantized(&steps, 0, scale: 1, zero: 2, axis: -2)
            let b = try dequantized(&steps, 3, scale: 4, zero: 5, axis: -1)
            let product = steps.add(.matMul(MatMul()), a, b)
            return try quantized(&steps, product, scale: 6, zero: 7, axis: -1)
        }
    }
}

// Operators of ONNX Runtime's domain on quantised values.
extension ImportedNode {
    /// A function of one operand: x, its scale and zero point, those of the result.
    mutating func quantizedFunction(
        _ body: (inout ImportedNode, inout Expansion, Expansion.Source) throws(ONNXImportError) -> Expansion.Source
    ) throws(ONNXImportError) -> Lowered {
        try require(operands.count >= 4, "takes 5 inputs, found \(operands.count)")
        var steps = Expansion()
        let x = try dequantized(&steps, 0, scale: 1, zero: 2, axis: 1)
        let result = try body(&self, &steps, x)
        steps.outputs = [try quantized(&steps, result, scale: 3, zero: 4)]
        return .expansion(steps)
    }

    /// A function of two operands, each with its scale and zero point.
    mutating func quantizedArithmetic(_ function: Arithmetic.Function) throws(ONNXImportError) -> Lowered {
        try require(operands.count >= 7, "takes 8 inputs, found \(operands.count)")
        return try expansion { (steps) throws(ONNXImportError) in
            let a = try dequantized(&steps, 0, scale: 1, zero: 2, axis: 1)
            let b = try dequantized(&steps, 3, scale: 4, zero: 5, axis: 1)
            return try quantized(&steps, steps.add(function, a, b), scale: 6, zero: 7)
        }
    }

    /// Scale and zero point of the result, then three inputs for each operand.
    mutating func quantizedConcat() throws(ONNXImportError) -> Lowered {
        guard let axis = try integer("axis") else { throw failure(.malformed, "attribute 'axis' is missing") }
        try require(operands.count >= 5 && operands.count % 3 == 2, "takes 2 and 3 more inputs for each operand")
        return try expansion { (steps) throws(ONNXImportError) in
            var parts: [Expansion.Source] = []
            for index in stride(from: 2, to: operands.count, by: 3) {
                parts.append(try dequantized(&steps, index, scale: index + 1, zero: index + 2, axis: 1))
            }
            return try quantized(&steps, steps.add(.concat(Concat(axis: axis)), parts), scale: 0, zero: 1)
        }
    }

    mutating func quantizedAveragePool() throws(ONNXImportError) -> Lowered {
        let layout = ChannelsLast(try flag("channels_last"))
        let input = try layout.turned(try shape(0))
        guard case .operation(let pooling, _) = try averagePool(inputs: 1...5, over: input) else {
            throw failure(.invalidGraph, "it is no pooling")
        }
        return try quantizedFunction { (_, steps, x) throws(ONNXImportError) in
            layout.last(&steps, steps.add(pooling, layout.first(&steps, x, input.rank)), input.rank)
        }
    }

    mutating func quantizedGlobalAveragePool() throws(ONNXImportError) -> Lowered {
        let isLast = try flag("channels_last")
        let rank = try shape(0).rank
        let axes = isLast ? Array(1..<max(rank - 1, 1)) : Array(2..<max(rank, 2))
        return try quantizedFunction { (_, steps, x) throws(ONNXImportError) in
            steps.add(.reduceMean(ReduceMean(axes: axes, keepsDimensions: true)), x)
        }
    }

    mutating func quantizedSoftmax() throws(ONNXImportError) -> Lowered {
        let shape = try shape(0)
        let version = try integer("opset") ?? 13
        let axis = try axis(default: version < 13 ? 1 : -1, rank: shape.rank)
        let softmax = Softmax(axis: axis, flattensTail: version < 13 && axis < shape.rank - 1)
        return try quantizedFunction { (_, steps, x) throws(ONNXImportError) in steps.add(.softmax(softmax), x) }
    }

    /// a, its scale and zero point, b with its own, a bias in int32, scale and zero point of the result or none for
    /// floats.
    mutating func quantizedGemm() throws(ONNXImportError) -> Lowered {
        let (alpha, turnsA, turnsB) = (try float("alpha") ?? 1, try flag("transA"), try flag("transB"))
        let gemm = Gemm(alpha: alpha, transposeA: turnsA, transposeB: turnsB)
        return try expansion { (steps) throws(ONNXImportError) in
            var sources = [
                try dequantized(&steps, 0, scale: 1, zero: 2, axis: 1),
                try dequantized(&steps, 3, scale: 4, zero: 5, axis: turnsB ? 0 : 1),
            ]
            if operand(6) != nil { sources.append(try quantizedBias(&steps, 6, 1, 4, alpha: alpha)) }
            let result = steps.add(.gemm(gemm), sources)
            return operand(7) == nil ? result : try quantized(&steps, result, scale: 7, zero: 8)
        }
    }
}
