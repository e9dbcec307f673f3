// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

extension ImportedNode {
    /// A convolution with the mirrored kernel, after `stride - 1` zeros between the elements. Weights are
    /// `[c, m / groups, kernel…]`.
    mutating func transposedConvolution() throws(ONNXImportError) -> Lowered {
        let (input, weights) = (try shape(0), try shape(1))
        try require(
            (3...5).contains(input.rank) && weights.rank == input.rank && input.elementCount > 0
                && weights.elementCount > 0,
            "weights \(weights) do not fit \(input)")
        try require((2...3).contains(operands.count), "takes 2 or 3 inputs, found \(operands.count)")
        let rank = input.rank - 2
        let groups = try integer("group") ?? 1
        let kernel = Array(weights.dimensions.dropFirst(2))
        try require(
            groups >= 1 && input[1] % groups == 0 && weights[0] == input[1],
            "weights \(weights) in \(groups) groups do not fit \(input)")
        try require(
            try integers("kernel_shape") ?? kernel == kernel, "kernel_shape is not that of the weights, \(kernel)")
        let strides = try entries("strides", of: rank, 1...1 << 10, else: 1)
        let dilations = try entries("dilations", of: rank, 1...1 << 10, else: 1)
        let extra = try entries("output_padding", of: rank, 0...1 << 10, else: 0)
        let extents = Array(input.dimensions.dropFirst(2))
        // Result, if nothing is cut off.
        let whole = (0..<rank).map { (axis) -> Int in
            let reach = (kernel[axis] - 1) * dilations[axis] + 1
            return strides[axis] * (extents[axis] - 1) + extra[axis] + reach
        }
        let pads = try transposedPads(whole, zip(extents, strides).map { $0.multipliedClamping(by: $1) })
        for axis in 0..<rank {
            try require(
                whole[axis] - pads[axis] - pads[rank + axis] >= 1, "pads \(pads) leave nothing of \(whole)")
        }
        return try expansion { (steps) throws(ONNXImportError) in
            let weights = mirrored(&steps, try source(1), weights, groups)
            let window = Window(
                kernel: kernel, strides: [Int](repeating: 1, count: rank), dilations: dilations)
            return transposed(
                &steps, try source(0), input, [weights] + (operand(2) == nil ? [] : [try source(2)]),
                Convolution(window: window, groups: groups), strides: strides, pads: pads, extra: extra)
        }
    }

    /// Blocks `[n, c * block…, count of blocks]` that are added where they overlap in pictures `[n, c, extents…]`: a
    /// transposed convolution, whose weights move each element of a block to its place.
    mutating func columnsToImage() throws(ONNXImportError) -> Lowered {
        let input = try shape(0)
        guard let image = try constantIntegers(1, "image_shape"), let block = try constantIntegers(2, "block_shape")
        else { throw failure(.invalidGraph, "image_shape or block_shape is missing") }
        let rank = image.count
        try require(
            input.rank == 3 && (1...3).contains(rank) && block.count == rank
                && (image + block).allSatisfy { (1...1 << 20).contains($0) },
            "blocks \(block.prefix(8)) of pictures \(image.prefix(8)) do not fit \(input)")
        let strides = try entries("strides", of: rank, 1...1 << 10, else: 1)
        let dilations = try entries("dilations", of: rank, 1...1 << 10, else: 1)
        let pads = try integers("pads") ?? [Int](repeating: 0, count: 2 * rank)
        try require(
            pads.count == 2 * rank && pads.allSatisfy { (0...1 << 20).contains($0) }, "pads \(pads.prefix(12))")
        // Positions of a block, less one.
        let rooms = (0..<rank).map { (axis) -> Int in
            let reach = dilations[axis] * (block[axis] - 1) + 1
            return image[axis] + pads[axis] + pads[rank + axis] - reach
        }
        let counts = zip(rooms, strides).map { $0 / $1 + 1 }
        let size = block.reduce(1) { $0.multipliedClamping(by: $1) }
        try require(
            rooms.allSatisfy { $0 >= 0 } && input.elementCount > 0 && input[1] % size == 0
                && counts.reduce(1) { $0.multipliedClamping(by: $1) } == input[2],
            "\(counts) blocks \(block) of pictures \(image) do not fit \(input)")
        try requireMatrix(input[1], size)
        let channels = input[1] / size
        var places = [Float](repeating: 0, count: input[1] * size)
        // The kernel is mirrored.
        for row in 0..<input[1] { places[row * size + size - 1 - row % size] = 1 }
        let weights = try ConstantFolder.checked { () throws(TensorError) in
            try Tensor(places, shape: [channels, size] + block)
        }
        return try expansion { (steps) throws(ONNXImportError) in
            let x = steps.add(.reshape(Reshape([0, input[1]] + counts)), try source(0))
            let window = Window(
                kernel: block, strides: [Int](repeating: 1, count: rank), dilations: dilations)
            return transposed(
                &steps, x, try ConstantFolder.shape([input[0], input[1]] + counts), [.constant(weights)],
                Convolution(window: window, groups: channels), strides: strides, pads: pads,
                extra: zip(rooms, strides).map { $0 % $1 })
        }
    }

    /// The convolution of a picture with zeros between its elements.
    ///
    /// - Parameters:
    ///   - weights: The mirrored kernel, and the bias if there is one.
    ///   - pads: What is cut off before each spatial dimension, then after each.
    ///   - extra: What the result has besides at the end of each.
    private func transposed(
        _ steps: inout Expansion, _ x: Expansion.Source, _ shape: Shape, _ weights: [Expansion.Source],
        _ convolution: Convolution, strides: [Int], pads: [Int], extra: [Int]
    ) -> Expansion.Source {
        let window = convolution.window
        let rank = strides.count
        // What the convolution adds at both ends; negative to cut off.
        var (begin, end): ([Int], [Int]) = ([], [])
        for axis in 0..<rank {
            let reach = window.dilations[axis] * (window.kernel[axis] - 1)
            begin.append(reach - pads[axis])
            end.append(reach - pads[rank + axis] + extra[axis] - (strides[axis] - 1))
        }
        let padded = steps.add(
            .pad(Pad(.constant, pads: [0, 0] + begin + [0, 0] + end)), spread(&steps, x, shape, strides))
        return steps.add(.convolution(convolution), [padded] + weights)
    }

    /// A list attribute with one entry for each spatial dimension.
    private mutating func entries(
        _ name: String, of count: Int, _ range: ClosedRange<Int>, else fallback: Int
    ) throws(ONNXImportError) -> [Int] {
        let values = try integers(name) ?? [Int](repeating: fallback, count: count)
        try require(
            values.count == count && values.allSatisfy(range.contains), "attribute '\(name)' is \(values.prefix(12))")
        return values
    }

    /// What is cut off before each spatial dimension, then after each.
    private mutating func transposedPads(
        _ whole: [Int], _ scaled: [Int]
    ) throws(ONNXImportError) -> [Int] {
        let rank = whole.count
        let stated = try integers("pads") ?? [Int](repeating: 0, count: 2 * rank)
        let mode = try text("auto_pad") ?? "NOTSET"
        try require(
            ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"].contains(mode), .malformed,
            "auto_pad is '\(mode.prefix(40))'")
        try require(
            stated.count == 2 * rank && stated.allSatisfy { (0...1 << 20).contains($0) }, "pads \(stated.prefix(12))")
        var wanted = try integers("output_shape")
        if wanted?.count == rank + 2 { wanted = wanted.map { Array($0.dropFirst(2)) } }
        if wanted == nil, mode.hasPrefix("SAME") { wanted = scaled }
        guard let wanted else { return mode == "VALID" ? [Int](repeating: 0, count: 2 * rank) : stated }
        try require(
            wanted.count == rank && wanted.allSatisfy { (1...1 << 20).contains($0) }, "output_shape \(wanted)")
        var (begin, end): ([Int], [Int]) = ([], [])
        for (whole, wanted) in zip(whole, wanted) {
            let total = max(whole - wanted, 0)
            begin.append(mode == "SAME_UPPER" ? total / 2 : total - total / 2)
            // A larger result has zeros at its end.
            end.append(total - (begin.last ?? 0) - max(wanted - whole, 0))
        }
        return begin + end
    }

    /// `stride - 1` zeros after each element of the spatial dimensions.
    private func spread(
        _ steps: inout Expansion, _ x: Expansion.Source, _ shape: Shape, _ strides: [Int]
    ) -> Expansion.Source {
        guard strides.contains(where: { $0 > 1 }) else { return x }
        let extents = Array(shape.dimensions.dropFirst(2))
        let split = [0, shape[1]] + extents.flatMap { [$0, 1] }
        let zeros = [0, 0] + strides.flatMap { [0, $0 - 1] }
        let padded = steps.add(
            .pad(Pad(.constant, pads: [Int](repeating: 0, count: split.count) + zeros)),
            steps.add(.reshape(Reshape(split)), x))
        return steps.add(
            .reshape(Reshape([0, shape[1]] + zip(extents, strides).map { $0.multipliedClamping(by: $1) })), padded)
    }

    /// Weights `[m, c / groups, kernel…]` of a convolution, mirrored along each spatial dimension.
    private func mirrored(
        _ steps: inout Expansion, _ weights: Expansion.Source, _ shape: Shape, _ groups: Int
    ) -> Expansion.Source {
        let kernel = Array(shape.dimensions.dropFirst(2))
        let (inputs, outputs, axes) = (shape[0] / groups, shape[1], Array(2..<shape.rank))
        let split = steps.add(.reshape(Reshape([groups, inputs, outputs] + kernel)), weights)
        let turned = steps.add(.transpose(Transpose([0, 2, 1] + axes.map { $0 + 1 })), split)
        let joined = steps.add(.reshape(Reshape([groups * outputs, inputs] + kernel)), turned)
        let backwards = Slice(
            starts: axes.map { _ in -1 }, ends: axes.map { _ in -Int(Int32.max) }, axes: axes,
            steps: axes.map { _ in -1 })
        return steps.add(.slice(backwards), joined)
    }
}
