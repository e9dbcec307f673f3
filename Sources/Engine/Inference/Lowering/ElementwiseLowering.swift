// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

extension Lowering {
    mutating func lowerElementwise(_ function: Elementwise, _ node: Draft.Node) throws(OneDNNError) -> Int {
        let source = try unscaledValue(of: node.inputs[0])
        let result = try emitElementwise(
            function, source, overwriting: mayOverwrite(node.inputs[0], in: node), for: node)
        return try applying(node.post, to: result, for: node)
    }

    /// Emits an element-wise function and returns its result.
    ///
    /// - Parameter overwriting: Whether the result replaces the source in memory. Then no other step may need the
    ///   source.
    mutating func emitElementwise(
        _ function: Elementwise, _ source: Int, overwriting: Bool, for node: Draft.Node
    ) throws(OneDNNError) -> Int {
        let layout = layout(source)
        let primitive = try PrimitiveDescription.elementwise(function, layout: layout)
        let target = overwriting ? alias(source, as: layout) : add(.arena, layout)
        emit(
            primitive, [(.source, source), (.destination, target)], to: target, function.function.rawValue, for: node)
        return target
    }

    mutating func lowerScaleShift(_ node: Draft.Node) throws(OneDNNError) -> Int {
        let source = try unscaledValue(of: node.inputs[0])
        var channels = [Int](repeating: 1, count: layout(source).dimensions.count)
        channels[1] = layout(source).dimensions[1]
        let perChannel = try TensorLayout(channels)
        let scale = alias(try value(of: node.inputs[1]), as: perChannel)
        let shift = alias(try value(of: node.inputs[2]), as: perChannel)
        let layout = layout(source)
        if let format = quantization?.stored[node.output],
            let target = try emitIntegerScaleShift(source, scale, shift, perChannel, format, node)
        {
            return target
        }
        let (primitive, fits) = try fit([.binary(.add, perChannel)] + node.post.operations) {
            (post) throws(OneDNNError) in
            try .binary(.multiply, layout, perChannel, destination: layout, post: post)
        }
        if primitive.isReference, let target = try emitChannelScaling(source, by: scale, shift: shift, node) {
            return target
        }
        let target =
            mayOverwrite(node.inputs[0], in: node) ? alias(source, as: layout) : add(.arena, layout)
        var arguments: [(argument: Argument, value: Int)] = [
            (.source, source), (.secondSource, scale), (.destination, target),
        ]
        if fits { arguments.append((.postOperand(0), shift)) }
        emit(primitive, arguments, to: target, "scale and shift", fused: fits ? node.fused : [], for: node)
        guard !fits else { return target }
        let shifted = try emitBinary(.add, target, shift, post: [], for: node)
        return try applying(node.post, to: shifted, for: node)
    }

    /// Emits scale, shift and post-operations with an 8-bit result.
    ///
    /// - Returns: `nil` if oneDNN has no fast code for it.
    private mutating func emitIntegerScaleShift(
        _ source: Int, _ scale: Int, _ shift: Int, _ perChannel: TensorLayout, _ format: Quantization.Format,
        _ node: Draft.Node
    ) throws(OneDNNError) -> Int? {
        let destination = layout(source).retyped(format.element)
        let post = [.binary(.add, perChannel)] + node.post.integerOperations(nil, format.scale)
        let primitive: PrimitiveDescription
        do throws(OneDNNError) {
            primitive = try .binary(.multiply, layout(source), perChannel, destination: destination, post: post)
        } catch {
            guard error.isUnimplemented else { throw error }
            return nil
        }
        guard !primitive.isReference else { return nil }
        let target = add(.arena, destination)
        values[target].scale = format.scale
        emit(
            primitive,
            [(.source, source), (.secondSource, scale), (.destination, target), (.postOperand(0), shift)], to: target,
            "int8 scale and shift", fused: node.fused, for: node)
        return target
    }

    mutating func lowerArithmetic(
        _ function: Arithmetic.Function, _ node: Draft.Node
    ) throws(OneDNNError) -> Int {
        let shape = draft.type(node.output).planDimensions
        var operands: [Int] = []
        for name in node.inputs { operands.append(try ranked(try unscaledValue(of: name), shape.count, for: node)) }
        let operation: BinaryFunction? =
            switch function {
            case .add: .add
            case .subtract: .subtract
            case .multiply: .multiply
            case .divide: .divide
            case .maximum: .maximum
            case .minimum: .minimum
            case .power, .equal, .greater, .greaterOrEqual, .keep: nil
            }
        // oneDNN broadcasts the second operand only.
        if layout(operands[0]).dimensions != shape, function.isCommutative { operands.swapAt(0, 1) }
        guard let operation, layout(operands[0]).dimensions == shape else {
            return try emitBroadcastLoop(function, operands, shape, node)
        }
        if layout(operands[1]).dimensions == shape {
            // A layout that is not row-major is preferred: most activations have one.
            if layout(operands[0]).isRowMajor, !layout(operands[1]).isRowMajor {
                operands[0] = try converted(operands[0], to: layout(operands[1]), for: node)
            }
            operands[1] = try converted(operands[1], to: layout(operands[0]), for: node)
        } else {
            let rows = try TensorLayout(layout(operands[1]).dimensions, element: layout(operands[0]).element)
            operands[1] = try converted(operands[1], to: rows, for: node)
        }
        let (first, second) = (operands[0], operands[1])
        if function == .multiply, let target = try emitGate(first, by: second, node) { return target }
        if layout(first).isRowMajor, let target = try emitJoined(operation, function, first, second, node) {
            return target
        }
        do throws(OneDNNError) {
            return try emitBinary(operation, first, second, post: node.post, for: node)
        } catch {
            guard error.isUnimplemented else { throw error }
            return try emitBroadcastLoop(function, operands, shape, node)
        }
    }

    /// Emits a function whose second operand is broadcast along axes for which oneDNN has only reference code, such as
    /// the middle ones of six. Once axes that are broadcast alike are joined, it mostly has fast code.
    ///
    /// - Parameters:
    ///   - first: Row-major, of the result's shape.
    ///   - second: Row-major.
    /// - Returns: `nil` if oneDNN has fast code without joining axes, or none at all.
    private mutating func emitJoined(
        _ operation: BinaryFunction, _ function: Arithmetic.Function, _ first: Int, _ second: Int, _ node: Draft.Node
    ) throws(OneDNNError) -> Int? {
        let (left, right) = (layout(first), layout(second))
        guard left.dimensions != right.dimensions, left.element == .float32, right.element == .float32,
            let plain = try fitIfImplemented(
                [],
                { (post) throws(OneDNNError) in
                    try .binary(operation, left, right, destination: left, post: post)
                }), plain.primitive.isReference
        else { return nil }
        let joined = Loop.joined(left.dimensions, right.dimensions, left.dimensions)
        let (rows, others) = (try TensorLayout(joined.first), try TensorLayout(joined.second))
        let (primitive, fits) = try fit(node.post.operations) { (post) throws(OneDNNError) in
            try .binary(operation, rows, others, destination: rows, post: post)
        }
        guard !primitive.isReference else {
            return try emitBroadcastLoop(function, [first, second], left.dimensions, node)
        }
        let target = add(.arena, left)
        emit(
            primitive,
            [
                (.source, alias(first, as: rows)), (.secondSource, alias(second, as: others)),
                (.destination, alias(target, as: rows)),
            ], to: target, operation.rawValue, fused: fits ? node.fused : [], for: node)
        return fits ? target : try applying(node.post, to: target, for: node)
    }

    /// The value with leading extents of 1 up to this rank, as in broadcasting.
    private mutating func ranked(_ value: Int, _ rank: Int, for node: Draft.Node) throws(OneDNNError) -> Int {
        let dimensions = layout(value).dimensions
        guard dimensions.count < rank else { return value }
        let ones = [Int](repeating: 1, count: rank - dimensions.count)
        let rows = try rowMajor(value, for: node)
        return alias(rows, as: try TensorLayout(ones + dimensions, element: layout(rows).element))
    }

    /// Emits a function of two values and returns its result.
    ///
    /// - Parameter first: Has the shape of the result.
    mutating func emitBinary(
        _ function: BinaryFunction, _ first: Int, _ second: Int, post: [Draft.Post], for node: Draft.Node
    ) throws(OneDNNError) -> Int {
        let (left, right) = (layout(first), layout(second))
        let (primitive, fits) = try fit(post.operations) { (post) throws(OneDNNError) in
            try .binary(function, left, right, destination: left, post: post)
        }
        let target = add(.arena, left)
        emit(
            primitive, [(.source, first), (.secondSource, second), (.destination, target)], to: target,
            function.rawValue, fused: fits ? node.fused : [], for: node)
        return fits ? target : try applying(post, to: target, for: node)
    }

    private mutating func emitBroadcastLoop(
        _ function: Arithmetic.Function, _ operands: [Int], _ shape: [Int], _ node: Draft.Node
    ) throws(OneDNNError) -> Int {
        var rows: [Int] = []
        for operand in operands {
            rows.append(try converted(operand, to: try TensorLayout(layout(operand).dimensions), for: node))
        }
        let target = add(.arena, try TensorLayout(shape))
        emit(
            .broadcast(function, layout(rows[0]).dimensions, layout(rows[1]).dimensions, result: shape), rows,
            to: target, for: node)
        return try applying(node.post, to: target, for: node)
    }
}

extension Arithmetic.Function {
    /// Whether the operands may be swapped.
    fileprivate var isCommutative: Bool {
        switch self {
        case .add, .multiply, .maximum, .minimum: true
        case .subtract, .divide, .power, .equal, .greater, .greaterOrEqual, .keep: false
        }
    }
}
