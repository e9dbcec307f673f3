// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Operators that split tensors or reorder their elements.

extension ImportedNode {
    /// Limit of the parts of a split, and of the index runs of a `Gather`.
    private static let maximumParts = 1 << 10
    /// With more runs, a `Gather` becomes a product with a matrix of zeros and ones.
    private static let maximumRuns = 64

    /// Sizes are an attribute before opset 13, an input since; since opset 18 equal parts are given by their number.
    mutating func split() throws(ONNXImportError) -> Lowered {
        let shape = try shape(0)
        let axis = try axis(default: 0, rank: shape.rank)
        let extent = shape[axis]
        var sizes = opset < 13 ? try integers("split") : try constantIntegers(1, "split")
        let stated = opset >= 18 ? try integer("num_outputs") : nil
        if sizes == nil {
            let count = stated ?? outputCount
            try require((1...Self.maximumParts).contains(count), "a split in \(count) parts")
            let size = (extent + count - 1) / count
            sizes = (0..<count).map { max(0, min(size, extent - $0 * size)) }
        }
        let parts = sizes ?? []
        try require(
            parts.count <= Self.maximumParts && parts.allSatisfy { (0...extent).contains($0) }
                && parts.reduce(0, +) == extent, "parts \(parts.prefix(20)) of an axis of \(extent)")
        var (expansion, start) = (Expansion(), 0)
        for size in parts {
            let slice = Slice(starts: [start], ends: [start + size], axes: [axis], steps: [1])
            expansion.outputs.append(expansion.add(.slice(slice), try source(0)))
            start += size
        }
        return .expansion(expansion)
    }

    /// Constant indices into a value: one slice for each run of evenly spaced indices.
    func gather(_ indices: [Int], _ indexShape: Shape, axis: Int) throws(ONNXImportError) -> Lowered {
        let data = try shape(0)
        let extent = data[axis]
        var positions: [Int] = []
        for index in indices {
            try require((-extent..<extent).contains(index), "index \(index) is outside axis \(axis) of \(data)")
            positions.append(index < 0 ? index + extent : index)
        }
        return try expansion { (steps) throws(ONNXImportError) in
            let joined = try picked(&steps, try source(0), data, axis: axis, at: positions)
            guard indexShape.rank != 1 else { return joined }
            if indexShape.rank == 0 { return steps.add(.squeeze(Squeeze(axes: [axis])), joined) }
            let dimensions = data.dimensions[..<axis] + indexShape.dimensions + data.dimensions[(axis + 1)...]
            try require(dimensions.count <= Shape.maximumRank, "\(dimensions.count) dimensions")
            return steps.add(.reshape(Reshape(Array(dimensions))), joined)
        }
    }

    /// The elements along an axis at these positions.
    ///
    /// - Parameter data: The shape of `x`.
    func picked(
        _ steps: inout Expansion, _ x: Expansion.Source, _ data: Shape, axis: Int, at positions: [Int]
    ) throws(ONNXImportError) -> Expansion.Source {
        let (extent, runs) = (data[axis], Self.runs(of: positions))
        try require(!runs.isEmpty, .unsupported, "no indices")
        guard runs.count <= Self.maximumRuns else {
            try requireMatrix(extent, positions.count)
            var weights = [Float](repeating: 0, count: extent * positions.count)
            for (target, position) in positions.enumerated() { weights[position * positions.count + target] = 1 }
            return try mapped(&steps, x, rank: data.rank, axis: axis, from: extent, to: positions.count, weights)
        }
        let parts = runs.map { run in
            steps.add(.slice(Slice(starts: [run.start], ends: [run.end], axes: [axis], steps: [run.step])), x)
        }
        return parts.count == 1 ? parts[0] : steps.add(.concat(Concat(axis: axis)), parts)
    }

    /// Runs of evenly spaced indices.
    private static func runs(of positions: [Int]) -> [(start: Int, end: Int, step: Int)] {
        var (runs, next): ([(start: Int, end: Int, step: Int)], Int) = ([], 0)
        while next < positions.count {
            let first = positions[next]
            let step = next + 1 < positions.count ? positions[next + 1] - first : 1
            var last = next
            while step > 0, last + 1 < positions.count, positions[last + 1] - positions[last] == step { last += 1 }
            runs.append((first, positions[last] + 1, max(step, 1)))
            next = last + 1
        }
        return runs
    }

    /// Blocks of channels to squares of pixels.
    mutating func depthToSpace() throws(ONNXImportError) -> Lowered {
        let (shape, size) = try blocks()
        let (channels, height, width) = (shape[1], shape[2], shape[3])
        try require(channels % (size * size) == 0, "\(channels) channels do not divide into blocks of \(size)")
        let depth = channels / (size * size)
        let mode = try text("mode") ?? "DCR"
        try require(mode == "DCR" || mode == "CRD", .malformed, "mode '\(mode.prefix(40))'")
        let (split, order) =
            mode == "DCR"
            ? ([0, size, size, depth, height, width], [0, 3, 4, 1, 5, 2])
            : ([0, depth, size, size, height, width], [0, 1, 4, 2, 5, 3])
        return try expansion { (steps) throws(ONNXImportError) in
            let parts = steps.add(.reshape(Reshape(split)), try source(0))
            let dealt = steps.add(.transpose(Transpose(order)), parts)
            return steps.add(.reshape(Reshape([0, depth, height * size, width * size])), dealt)
        }
    }

    /// Squares of pixels to blocks of channels.
    mutating func spaceToDepth() throws(ONNXImportError) -> Lowered {
        let (shape, size) = try blocks()
        let (channels, height, width) = (shape[1], shape[2], shape[3])
        try require(height % size == 0 && width % size == 0, "\(shape) does not divide into squares of \(size)")
        let mode = opset < 28 ? "DCR" : try text("mode") ?? "DCR"
        try require(mode == "DCR" || mode == "CRD", .malformed, "mode '\(mode.prefix(40))'")
        return try expansion { (steps) throws(ONNXImportError) in
            let parts = steps.add(
                .reshape(Reshape([0, channels, height / size, size, width / size, size])), try source(0))
            let dealt = steps.add(
                .transpose(Transpose(mode == "DCR" ? [0, 3, 5, 1, 2, 4] : [0, 1, 3, 5, 2, 4])), parts)
            return steps.add(
                .reshape(Reshape([0, channels * size * size, height / size, width / size])), dealt)
        }
    }

    private mutating func blocks() throws(ONNXImportError) -> (shape: Shape, size: Int) {
        let shape = try shape(0)
        guard let size = try integer("blocksize") else { throw failure(.malformed, "attribute 'blocksize' is missing") }
        try require(shape.rank == 4 && shape.elementCount > 0, "input \(shape) is no picture")
        try require((1...1 << 15).contains(size), "a block size of \(size)")
        return (shape, size)
    }
}
