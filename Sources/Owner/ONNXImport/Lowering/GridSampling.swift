// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Sampling at positions that the network may compute itself (spatial transformers). Along each axis a position becomes a
// row of weights, one for each pixel, so that the enclave needs no operator for it.

extension ImportedNode {
    /// Limit of the elements of an intermediate result.
    private static let maximumSampledElements = 1 << 25

    /// Operands: the picture `[n, c, h, w]` and positions `[n, h', w', 2]` from -1 to 1, x first.
    mutating func gridSample() throws(ONNXImportError) -> Lowered {
        let (x, grid) = (try shape(0), try shape(1))
        let mode = try text("mode") ?? "linear"
        let padding = try text("padding_mode") ?? "zeros"
        let aligns = try flag("align_corners")
        try require(
            x.rank == 4 && grid.rank == 4, .unsupported, "input \(x) is no picture, or the grid \(grid) is none")
        try require(grid[3] == 2 && grid[0] == x[0], "the grid \(grid) does not fit \(x)")
        try require(
            ["zeros", "border", "reflection"].contains(padding), .malformed, "padding_mode '\(padding.prefix(40))'")
        let kernel: SamplingKernel
        switch mode {
        case "linear", "bilinear": kernel = .linear
        case "nearest": kernel = .nearest
        case "cubic", "bicubic":
            try require(padding == "zeros", .unsupported, "mode '\(mode)' with padding_mode '\(padding)'")
            kernel = .cubic
        default: throw failure(.malformed, "mode '\(mode.prefix(40))'")
        }
        let (height, width, points) = (x[2], x[3], grid[1].multipliedClamping(by: grid[2]))
        let elements = [x[0], x[1], max(height, width), points].reduce(1) { $0.multipliedClamping(by: $1) }
        try require(
            elements <= Self.maximumSampledElements && x.elementCount > 0 && points > 0, .unsupported,
            "\(points) positions in \(x) need a table over \(Self.maximumSampledElements) elements")
        return try expansion { (steps) throws(ONNXImportError) in
            func weights(_ coordinate: Int, _ extent: Int) throws(ONNXImportError) -> Expansion.Source {
                let part = Slice(starts: [coordinate], ends: [coordinate + 1], axes: [3], steps: [1])
                let given = steps.add(
                    .reshape(Reshape([0, 1, points])), steps.add(.slice(part), try source(1)))
                let position = try sampled(&steps, given, extent, padding, aligns: aligns)
                return try kernel.weights(&steps, at: position, extent, of: self)
            }
            // [n, w, p] and [n, h, p].
            let (columns, rows) = (try weights(0, width), try weights(1, height))
            let flat = steps.add(.reshape(Reshape([0, x[1] * height, width])), try source(0))
            let mixed = steps.add(
                .reshape(Reshape([0, x[1], height, points])), steps.add(.matMul(MatMul()), flat, columns))
            let weighted = steps.add(.multiply, mixed, steps.add(.unsqueeze(Unsqueeze(axes: [1])), rows))
            let sum = Reduction(.sum, axes: [2], keepsDimensions: false)
            return steps.add(
                .reshape(Reshape([0, x[1], grid[1], grid[2]])), steps.add(.reduction(sum), weighted))
        }
    }

    /// Positions from -1 to 1 as positions of pixels.
    private func sampled(
        _ steps: inout Expansion, _ given: Expansion.Source, _ extent: Int, _ padding: String, aligns: Bool
    ) throws(ONNXImportError) -> Expansion.Source {
        let last = Float(extent - 1)
        let factor = aligns ? last / 2 : Float(extent) / 2
        var position = steps.add(.add, steps.add(.multiply, given, try number(factor)), try number(last / 2))
        if padding == "reflection" {
            // A triangle wave between the outer pixels' centres, or their edges.
            let low: Float = aligns ? 0 : -0.5
            let range = aligns ? last : Float(extent)
            if range > 0 {
                let turns = steps.add(
                    .multiply, steps.add(.subtract, position, try number(low)), try number(1 / (2 * range)))
                let phase = steps.add(.subtract, turns, steps.add(.floor, turns))
                let back = steps.add(.subtract, try number(1), phase)
                let wave = steps.add(.multiply, steps.add(.minimum, phase, back), try number(2 * range))
                position = steps.add(.add, wave, try number(low))
            }
        }
        guard padding != "zeros" else { return position }
        return steps.add(.activation(Activation(.clip, alpha: 0, beta: last)), position)
    }

    /// Positions of an affine map's pixels: `[n, 2, 3]` and the size `[n, c, h, w]` of the result.
    mutating func affineGrid() throws(ONNXImportError) -> Lowered {
        let (map, aligns) = (try shape(0), try flag("align_corners"))
        let size = try constantIntegers(1, "size") ?? []
        try require(
            size.count == 4 && map.dimensions == [size[0], 2, 3], .unsupported, "a map \(map) for a size of \(size)")
        try require(size.allSatisfy { (1...1 << 20).contains($0) }, "size \(size)")
        let (height, width) = (size[2], size[3])
        try require(height.multipliedClamping(by: width) <= 1 << 22, .tooLarge, "a grid of \(height)x\(width)")
        func position(_ index: Int, _ extent: Int) -> Float {
            guard aligns else { return Float(2 * index + 1) / Float(extent) - 1 }
            return extent == 1 ? 0 : Float(2 * index) / Float(extent - 1) - 1
        }
        var rows: [Float] = []
        rows.reserveCapacity(3 * height * width)
        for place in 0..<height * width {
            rows += [position(place % width, width), position(place / width, height), 1]
        }
        let pixels = Expansion.Source.constant(
            try ConstantFolder.checked { () throws(TensorError) in try Tensor(rows, shape: [height * width, 3]) })
        return try expansion { (steps) throws(ONNXImportError) in
            let turned = steps.add(.transpose(Transpose([0, 2, 1])), try source(0))
            return steps.add(
                .reshape(Reshape([0, height, width, 2])), steps.add(.matMul(MatMul()), pixels, turned))
        }
    }
}

/// What a pixel contributes, by its distance from a position.
private enum SamplingKernel {
    case nearest, linear, cubic

    /// Weights `[n, extent, p]` of the pixels along an axis, for positions `[n, 1, p]`. Pixels outside have none.
    func weights(
        _ steps: inout Expansion, at position: Expansion.Source, _ extent: Int, of node: ImportedNode
    ) throws(ONNXImportError) -> Expansion.Source {
        let places = (0..<extent).map(Float.init)
        let pixels = Expansion.Source.constant(
            try ConstantFolder.checked { () throws(TensorError) in try Tensor(places, shape: [extent, 1]) })
        if self == .nearest { return steps.add(.equal, steps.add(.round, position), pixels) }
        let distance = steps.add(.absolute, steps.add(.subtract, position, pixels))
        if self == .linear { return steps.add(.relu, steps.add(.subtract, try node.number(1), distance)) }
        // Keys' kernel with a = -0.75, a polynomial up to 1 and another from there to 2.
        func polynomial(
            _ x: Expansion.Source, _ factors: [Float]
        ) throws(ONNXImportError) -> Expansion.Source {
            var result = try node.number(factors[0])
            for factor in factors.dropFirst() {
                result = steps.add(.add, steps.add(.multiply, result, x), try node.number(factor))
            }
            return result
        }
        let near = steps.add(.minimum, distance, try node.number(1))
        let far = steps.add(.activation(Activation(.clip, alpha: 1, beta: 2)), distance)
        return steps.add(
            .add, try polynomial(near, [1.25, -2.25, 0, 1]), try polynomial(far, [-0.75, 3.75, -6, 3]))
    }
}
