// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Quantisation with scales that depend on the image. The integers are represented in float32.

extension ImportedNode {
    /// x as 8-bit integers between its minimum and maximum; its scale; its zero point.
    ///
    /// - Source: ONNX operator documentation of `DynamicQuantizeLinear`.
    mutating func dynamicQuantizeLinear() throws(ONNXImportError) -> Lowered {
        _ = try inputs(1...1)
        var steps = Expansion()
        let (value, scale, zero) = try dynamicallyQuantized(&steps, source(0))
        isInteger = true
        floatOutputs = [1]
        steps.outputs = [value, scale, zero]
        return .expansion(steps)
    }

    private func dynamicallyQuantized(
        _ steps: inout Expansion, _ x: Expansion.Source
    ) throws(ONNXImportError) -> (value: Expansion.Source, scale: Expansion.Source, zero: Expansion.Source) {
        let levels = Operation.activation(Activation(.clip, alpha: 0, beta: 255))
        let high = steps.add(.relu, steps.add(.reduction(Reduction(.maximum, axes: [], keepsDimensions: false)), x))
        let least = steps.add(.reduction(Reduction(.minimum, axes: [], keepsDimensions: false)), x)
        let low = steps.add(.minimum, least, try number(0))
        let width = steps.add(.divide, steps.add(.subtract, high, low), try number(255))
        // An image of zeros has a range of width 0.
        let scale = steps.add(.maximum, width, try number(1e-30))
        let offset = steps.add(.divide, low, steps.add(.multiply, scale, try number(-1)))
        let zero = steps.add(.round, steps.add(levels, offset))
        let rounded = steps.add(.round, steps.add(.divide, x, scale))
        return (steps.add(levels, steps.add(.add, rounded, zero)), scale, zero)
    }

    /// The operand minus its zero point; weights stay integers of the graph.
    ///
    /// - Parameter axis: The axis with one zero point per index, if there are several.
    private func centred(
        _ steps: inout Expansion, _ index: Int, zero: Int, axis: Int = 0
    ) throws(ONNXImportError) -> Expansion.Source {
        let (type, tensor) = (try type(index), operand(index)?.constant?.tensor)
        let element = type.element
        let point = operand(zero)?.constant?.tensor
        if tensor != nil, element != .float32, operand(zero) == nil || point != nil {
            let none = Tensor(type: TensorType(element, try ConstantFolder.shape([]))) { _ in }
            let count = point?.shape.elementCount ?? 1
            try require(
                count == 1 || (type.shape.rank > axis && type.shape[axis] == count), .unsupported,
                "\(count) zero points for \(type)")
            let extents = count == 1 ? [] : [count]
            let points = try ConstantFolder.checked { () throws(TensorError) in try point?.reshaped(extents) }
            let scale =
                try count == 1 ? number(1) : filled(try ConstantFolder.shape(extents), with: 1)
            return steps.add(
                .dequantizeLinear(DequantizeLinear(axis: axis)), try source(index), scale, .constant(points ?? none))
        }
        let value = element == .float32 || tensor != nil ? try source(index) : try unscaled(&steps, index)
        guard operand(zero) != nil else { return value }
        let isWhole = try self.type(zero).element != .float32 && operand(zero)?.constant == nil
        return steps.add(.subtract, value, isWhole ? try unscaled(&steps, zero) : try source(zero))
    }

    mutating func integerConvolution() throws(ONNXImportError) -> Lowered {
        let (input, weights) = (try shape(0), try shape(1))
        try require(input.rank >= 3 && weights.rank == input.rank, "weights \(weights) do not fit \(input)")
        let convolution = Convolution(
            window: try window(over: input, kernel: Array(weights.dimensions.dropFirst(2))).window,
            groups: try integer("group") ?? 1)
        isInteger = true
        return try expansion { (steps) throws(ONNXImportError) in
            let (x, w) = (try centred(&steps, 0, zero: 2), try centred(&steps, 1, zero: 3))
            return steps.add(.convolution(convolution), x, w)
        }
    }

    mutating func integerMatMul() throws(ONNXImportError) -> Lowered {
        let columns = max(try shape(1).rank - 1, 0)
        if operand(2) != nil { try require(shape(2).elementCount == 1, .unsupported, "zero points for rows") }
        isInteger = true
        return try expansion { (steps) throws(ONNXImportError) in
            let (a, b) = (try centred(&steps, 0, zero: 2), try centred(&steps, 1, zero: 3, axis: columns))
            return steps.add(.matMul(MatMul()), a, b)
        }
    }

    /// a, b, scales of both, zero points of both, a bias.
    mutating func scaledIntegerMatMul() throws(ONNXImportError) -> Lowered {
        let columns = max(try shape(1).rank - 1, 0)
        return try expansion { (steps) throws(ONNXImportError) in
            let (a, b) = (try centred(&steps, 0, zero: 4), try centred(&steps, 1, zero: 5, axis: columns))
            let scale = steps.add(.multiply, try source(2), try source(3))
            let result = steps.add(.multiply, steps.add(.matMul(MatMul()), a, b), scale)
            return operand(6) == nil ? result : steps.add(.add, result, try source(6))
        }
    }

    /// a in float32, b, its scale and zero point, a bias.
    mutating func dynamicQuantizeMatMul() throws(ONNXImportError) -> Lowered {
        let columns = max(try shape(1).rank - 1, 0)
        return try expansion { (steps) throws(ONNXImportError) in
            let (value, scale, zero) = try dynamicallyQuantized(&steps, source(0))
            let b = try centred(&steps, 1, zero: 3, axis: columns)
            let product = steps.add(.matMul(MatMul()), steps.add(.subtract, value, zero), b)
            let result = steps.add(.multiply, product, steps.add(.multiply, scale, try source(2)))
            return operand(4) == nil ? result : steps.add(.add, result, try source(4))
        }
    }
}
