// SPDX-License-Identifier: Apache-2.0
package import Tensors

// Operators that move elements without computing on them.

/// `Concat` along one axis.
package struct Concat: Operator {
    package var axis: Int

    package init(axis: Int) { self.axis = axis }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try require(!operands.isEmpty, "takes at least one operand")
        let first = operands[0]
        let axis = try resolve(axis: axis, rank: first.shape.rank)
        var result = first.shape.dimensions
        result[axis] = 0
        for operand in operands {
            var rest = operand.shape.dimensions
            try require(
                operand.element == first.element && rest.count == first.shape.rank, "\(operand) does not fit \(first)")
            result[axis] += rest[axis]
            rest[axis] = result[axis]
            try require(rest == result, "\(operand) does not fit \(first) outside axis \(axis)")
        }
        return [TensorType(first.element, try shape(result))]
    }

    package func encode(into writer: inout ByteWriter) { writer.write(Int64(axis)) }
    package init(from reader: inout ByteReader) throws(TensorError) { axis = try reader.readInteger("axis") }
}

/// `Transpose`: dimension i of the result is dimension `permutation[i]` of the operand.
package struct Transpose: Operator {
    package var permutation: [Int]

    package init(_ permutation: [Int]) { self.permutation = permutation }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try require(operands.count == 1, "takes one operand, found \(operands.count)")
        let input = operands[0].shape
        try require(
            permutation.sorted() == Array(0..<input.rank), "\(permutation) is no permutation of rank \(input.rank)")
        return [TensorType(operands[0].element, try shape(permutation.map { input[$0] }))]
    }

    package func encode(into writer: inout ByteWriter) { writer.write(integers: permutation) }
    package init(from reader: inout ByteReader) throws(TensorError) {
        permutation = try reader.readIntegers("permutation")
    }
}

/// `Slice` with ONNX's rules: negative positions count from the end, positions are clamped, steps may be negative.
package struct Slice: Operator {
    package var starts: [Int]
    package var ends: [Int]
    package var axes: [Int]
    package var steps: [Int]

    package init(starts: [Int], ends: [Int], axes: [Int], steps: [Int]) {
        self.starts = starts
        self.ends = ends
        self.axes = axes
        self.steps = steps
    }

    /// Start, step and number of elements along each dimension of an operand of this shape.
    package func ranges(of input: Shape) throws(GraphError) -> [(start: Int, step: Int, count: Int)] {
        try require(
            starts.count == axes.count && ends.count == axes.count && steps.count == axes.count,
            "starts, ends, axes and steps differ in number")
        var ranges = input.dimensions.map { (start: 0, step: 1, count: $0) }
        var seen: Set<Int> = []
        for index in axes.indices {
            let axis = try resolve(axis: axes[index], rank: input.rank)
            try require(seen.insert(axis).inserted, "axes \(axes) repeat one")
            let (extent, step) = (input[axis], steps[index])
            try require(step != 0 && abs(max(step, -Int.max)) <= maximumAttribute, "step \(step) of axis \(axis)")
            let lowest = step > 0 ? 0 : -1
            let highest = step > 0 ? extent : extent - 1
            func clamp(_ position: Int, _ low: Int) -> Int {
                min(max(position < 0 ? max(position, -extent - 1) + extent : position, low), highest)
            }
            let start = clamp(starts[index], 0)
            let end = clamp(ends[index], lowest)
            let distance = step > 0 ? end - start : start - end
            let magnitude = abs(step)
            ranges[axis] = (start, step, distance > 0 && extent > 0 ? (distance + magnitude - 1) / magnitude : 0)
        }
        return ranges
    }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try require(operands.count == 1, "takes one operand, found \(operands.count)")
        return [TensorType(operands[0].element, try shape(try ranges(of: operands[0].shape).map(\.count)))]
    }

    package func encode(into writer: inout ByteWriter) {
        for list in [starts, ends, axes, steps] { writer.write(integers: list) }
    }

    package init(from reader: inout ByteReader) throws(TensorError) {
        starts = try reader.readIntegers("starts")
        ends = try reader.readIntegers("ends")
        axes = try reader.readIntegers("axes")
        steps = try reader.readIntegers("steps")
    }
}

/// `Pad`: before each dimension, then after each. Negative pads crop.
package struct Pad: Operator {
    package enum Mode: UInt8, Sendable, Hashable {
        case constant = 1
        case reflect = 2
        case edge = 3
    }

    package var mode: Mode
    package var pads: [Int]
    package var value: Float

    package init(_ mode: Mode, pads: [Int], value: Float = 0) {
        self.mode = mode
        self.pads = pads
        self.value = value
    }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try requireFloats(operands, count: 1...1)
        let input = operands[0].shape
        try require(pads.count == 2 * input.rank, "\(pads.count) pads for rank \(input.rank)")
        var result: [Int] = []
        for axis in 0..<input.rank {
            for pad in [pads[axis], pads[input.rank + axis]] {
                try require((-maximumAttribute...maximumAttribute).contains(pad), "pad \(pad) of axis \(axis)")
                try require(
                    mode != .reflect || pad < input[axis], "pad \(pad) reflects beyond the extent \(input[axis])")
                try require(mode != .edge || pad <= 0 || input[axis] > 0, "an empty axis \(axis) has no edge")
            }
            result.append(input[axis] + pads[axis] + pads[input.rank + axis])
        }
        return [TensorType(.float32, try shape(result))]
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(mode.rawValue)
        writer.write(integers: pads)
        writer.write(value)
    }

    package init(from reader: inout ByteReader) throws(TensorError) {
        let code: UInt8 = try reader.read("pad mode")
        guard let mode = Mode(rawValue: code) else { throw TensorError(.malformed, "pad mode \(code) is unknown") }
        self.mode = mode
        pads = try reader.readIntegers("pads")
        value = try reader.readFloat("value")
    }
}
