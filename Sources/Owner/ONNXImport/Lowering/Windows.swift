// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Convolutions and poolings: operators with a sliding window.

extension ImportedNode {
    mutating func convolution(inputs count: ClosedRange<Int> = 2...3) throws(ONNXImportError) -> Lowered {
        let (input, weights) = (try shape(0), try shape(1))
        try require(input.rank >= 3, "input \(input) has no spatial dimension")
        try require(weights.rank == input.rank, "weights \(weights) do not have the rank of the input \(input)")
        let kernel = Array(weights.dimensions.dropFirst(2))
        let groups = try integer("group") ?? 1
        let window = try window(over: input, kernel: kernel).window
        try require(count.contains(operands.count), "takes \(count) inputs, found \(operands.count)")
        let names = operands.compactMap { $0?.name }
        return .operation(.convolution(Convolution(window: window, groups: groups)), operands: names)
    }

    mutating func maxPool() throws(ONNXImportError) -> Lowered {
        // Affects only the output of indices, which is not supported.
        _ = try flag("storage_order")
        return try pool(.maximum)
    }

    /// Max-pooling of a channels-last operand.
    mutating func maxPoolOfChannelsLast() throws(ONNXImportError) -> Lowered {
        let layout = ChannelsLast(true)
        let input = try layout.turned(try shape(0))
        guard case .operation(let pooling, _) = try pool(.maximum, over: input) else {
            throw failure(.invalidGraph, "it is no pooling")
        }
        isInteger = operand(0)?.isInteger ?? false
        return try expansion { (steps) throws(ONNXImportError) in
            layout.last(&steps, steps.add(pooling, layout.first(&steps, try source(0), input.rank)), input.rank)
        }
    }

    /// - Parameter given: The operand's shape, if it was transposed before.
    mutating func averagePool(
        inputs count: ClosedRange<Int> = 1...1, over given: Shape? = nil
    ) throws(ONNXImportError) -> Lowered {
        try pool(try flag("count_include_pad") ? .averageWithPadding : .average, inputs: count, over: given)
    }

    private mutating func pool(
        _ kind: Pooling.Kind, inputs count: ClosedRange<Int> = 1...1, over given: Shape? = nil
    ) throws(ONNXImportError) -> Lowered {
        let input = if let given { given } else { try shape(0) }
        try require(input.rank >= 3, "input \(input) has no spatial dimension")
        let ceil = try flag("ceil_mode")
        var (window, isAutomatic) = try window(over: input, kernel: nil)
        // With rounding up, one window that is larger than the image covers all of it, as at the end of Hugging Face's
        // EfficientNet.
        for (axis, extent) in input.dimensions.dropFirst(2).enumerated()
        where ceil && window.kernel[axis] > extent && window.pads.allSatisfy({ $0 == 0 }) && window.dilations[axis] == 1
        {
            window.kernel[axis] = extent
        }
        var pooling = Pooling(kind, window: window)
        // Automatic padding determines the extents itself. Rounding up is kept only where it changes them, since
        // engines before opset 21 disagree on a last window that starts in the padding.
        if ceil, !isAutomatic {
            let roundedUp = Pooling(kind, window: window, ceil: true)
            let type = TensorType(.float32, input)
            do throws(GraphError) {
                if try roundedUp.resultTypes(for: [type]) != pooling.resultTypes(for: [type]) { pooling = roundedUp }
            } catch { throw failure(.invalidGraph, error.message) }
        }
        try require(count.contains(operands.count), "takes \(count) inputs, found \(operands.count)")
        return .operation(.pooling(pooling), operands: [try self.input(0)])
    }

    /// The p-th root of the sum of p-th powers of magnitudes: an average pooling times its count, between powers.
    mutating func lpPool() throws(ONNXImportError) -> Lowered {
        let p = try integer("p") ?? 2
        try require((1...64).contains(p), .unsupported, "p is \(p), expected 1 to 64")
        guard case .operation(.pooling(let pooling), _) = try pool(.averageWithPadding) else {
            throw failure(.invalidGraph, "it is no pooling")
        }
        try require(!pooling.ceil, .unsupported, "ceil_mode is not supported")
        let count = Float(pooling.window.kernel.reduce(1.0) { $0 * Double($1) })
        return try expansion { (steps) throws(ONNXImportError) in
            let x = try source(0)
            let powers =
                switch p {
                case 1: steps.add(.absolute, x)
                case 2: steps.add(.multiply, x, x)
                default: steps.add(.power, steps.add(.absolute, x), try number(Float(p)))
                }
            let sum = steps.add(.multiply, steps.add(.pooling(pooling), powers), try number(count))
            switch p {
            case 1: return sum
            case 2: return steps.add(.squareRoot, sum)
            default: return steps.add(.power, sum, try number(1 / Float(p)))
            }
        }
    }

    mutating func globalPool(_ kind: GlobalPooling.Kind) throws(ONNXImportError) -> Lowered {
        .operation(.globalPooling(GlobalPooling(kind)), operands: try inputs(1...1))
    }

    /// Reads the attributes of a window.
    ///
    /// - Parameter kernel: The extents of the weights, which `kernel_shape` must repeat; `nil` where the attribute is
    ///   required.
    mutating func window(
        over input: Shape, kernel: [Int]?
    ) throws(ONNXImportError) -> (window: Window, isAutomatic: Bool) {
        let extents = Array(input.dimensions.dropFirst(2))
        let rank = extents.count
        let stated = try integers("kernel_shape")
        guard let kernel = kernel ?? stated else { throw failure(.malformed, "attribute 'kernel_shape' is missing") }
        try require(stated == nil || stated == kernel, "kernel_shape is not that of the weights, \(kernel)")
        var window = Window(
            kernel: kernel, strides: try integers("strides") ?? [Int](repeating: 1, count: rank),
            dilations: try integers("dilations") ?? [Int](repeating: 1, count: rank))
        let pads = try integers("pads")
        let mode = try text("auto_pad") ?? "NOTSET"
        try require(
            kernel.count == rank && window.strides.count == rank && window.dilations.count == rank,
            "kernel, strides or dilations do not have \(rank) entries, one for each spatial dimension")
        for value in window.kernel + window.strides + window.dilations {
            try require((1...1 << 31).contains(value), "kernel, stride or dilation \(value) is not positive")
        }
        switch mode {
        case "NOTSET": window.pads = pads ?? window.pads
        case "VALID": break
        case "SAME_UPPER", "SAME_LOWER":
            for axis in 0..<rank {
                let total = Self.samePadding(extents[axis], window, axis)
                window.pads[axis] = mode == "SAME_UPPER" ? total / 2 : total - total / 2
                window.pads[rank + axis] = total - window.pads[axis]
            }
        default: throw failure(.malformed, "auto_pad is '\(mode.prefix(40))'")
        }
        return (window, mode != "NOTSET")
    }

    /// The padding with which the result has ceil(extent / stride) elements.
    private static func samePadding(_ extent: Int, _ window: Window, _ axis: Int) -> Int {
        let stride = window.strides[axis]
        let reach = (window.kernel[axis] - 1) * window.dilations[axis] + 1
        let result = (extent + stride - 1) / stride
        return max((result - 1) * stride + reach - extent, 0)
    }
}
