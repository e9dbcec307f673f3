// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Elements that known indices name are read from, or written into, a value that depends on the image.

extension ImportedNode {
    mutating func gatherTuples() throws(ONNXImportError) -> Lowered {
        let (data, indices) = (try shape(0), try known(1, "indices"))
        let leading = try integer("batch_dims") ?? 0
        var budget = budget
        let (starts, block) = try tuplePositions(indices, in: data, leading: leading, &budget)
        self.budget = budget
        try require(data.elementCount > 0, .unsupported, "the data \(data) is empty")
        let rows = data.elementCount / block.reduce(1, *)
        let flat = try ConstantFolder.shape([rows, block.reduce(1, *)])
        let result = try ConstantFolder.shape(indices.shape.dimensions.dropLast() + block)
        return try expansion { (steps) throws(ONNXImportError) in
            let whole = steps.add(.reshape(Reshape(flat.dimensions)), try source(0))
            let chosen = try picked(&steps, whole, flat, axis: 0, at: starts)
            return steps.add(.reshape(Reshape(result.dimensions)), chosen)
        }
    }

    mutating func gatherElements() throws(ONNXImportError) -> Lowered {
        let (data, indices) = (try shape(0), try known(1, "indices"))
        var budget = budget
        let positions = try elementPositions(indices, in: data, &budget)
        self.budget = budget
        try require(data.elementCount > 0, .unsupported, "the data \(data) is empty")
        let flat = try ConstantFolder.shape([data.elementCount])
        return try expansion { (steps) throws(ONNXImportError) in
            let whole = steps.add(.reshape(Reshape(flat.dimensions)), try source(0))
            let chosen = try picked(&steps, whole, flat, axis: 0, at: positions)
            return steps.add(.reshape(Reshape(indices.shape.dimensions)), chosen)
        }
    }

    mutating func scatterElements() throws(ONNXImportError) -> Lowered {
        let (data, updates, indices) = (try shape(0), try shape(2), try known(1, "indices"))
        try require(indices.shape == updates, "updates \(updates) do not fit indices \(indices.shape)")
        var budget = budget
        let positions = try elementPositions(indices, in: data, &budget)
        self.budget = budget
        return try scattered(positions, into: data, blocks: 1)
    }

    mutating func scatterTuples() throws(ONNXImportError) -> Lowered {
        let (data, updates) = (try shape(0), try shape(2))
        let indices = try known(1, "indices")
        var budget = budget
        let (starts, block) = try tuplePositions(indices, in: data, leading: 0, &budget)
        self.budget = budget
        try require(
            updates.dimensions == indices.shape.dimensions.dropLast() + block,
            "indices \(indices.shape) and updates \(updates) do not fit \(data)")
        guard !starts.isEmpty, let ranges = Self.box(starts, Array(data.dimensions.dropLast(block.count))) else {
            return try scattered(starts, into: data, blocks: block.reduce(1, *))
        }
        try require(try text("reduction") ?? "none" == "none", .unsupported, "a reduction")
        return try written(ranges, into: data)
    }

    /// Writes the updates into rows of `blocks` elements: the data is multiplied by 0 there, and a product with a matrix
    /// of zeros and ones moves each update to its row. If a row is updated several times, the last update wins.
    private mutating func scattered(
        _ rows: [Int], into data: Shape, blocks: Int
    ) throws(ONNXImportError) -> Lowered {
        let reduction = try text("reduction") ?? "none"
        try require(reduction == "none" || reduction == "add", .unsupported, "the reduction '\(reduction.prefix(40))'")
        try require(!rows.isEmpty && blocks > 0, .unsupported, "no indices")
        let count = data.elementCount / blocks
        try requireMatrix(rows.count, count)
        var (weights, kept) = ([Float](repeating: 0, count: rows.count * count), [Float](repeating: 1, count: count))
        var last: [Int: Int] = [:]
        for (update, row) in rows.enumerated() {
            if reduction == "none" {
                if let old = last.updateValue(update, forKey: row) { weights[old * count + row] = 0 }
                kept[row] = 0
            }
            weights[update * count + row] = 1
        }
        let mask = Expansion.Source.constant(
            try ConstantFolder.checked { () throws(TensorError) in try Tensor(kept, shape: [count, 1]) })
        return try expansion { (steps) throws(ONNXImportError) in
            let whole = steps.add(.reshape(Reshape([count, blocks])), try source(0))
            let updates = steps.add(.reshape(Reshape([rows.count, blocks])), try source(2))
            let moved = try mapped(&steps, updates, rank: 2, axis: 0, from: rows.count, to: count, weights)
            let sum = steps.add(.add, steps.add(.multiply, whole, mask), moved)
            return steps.add(.reshape(Reshape(data.dimensions)), sum)
        }
    }

    /// Writes the updates into a box of the data: exporters express an assignment to a slice in this way.
    private mutating func written(_ block: [Range<Int>], into data: Shape) throws(ONNXImportError) -> Lowered {
        let depth = block.count
        let rest = [Int](repeating: 0, count: data.rank - depth)
        let after = (0..<depth).map { data[$0] - block[$0].upperBound }
        let pad = Pad(.constant, pads: block.map(\.lowerBound) + rest + after + rest)
        // 1 where the data is kept.
        let outer = try ConstantFolder.shape(Array(data.dimensions[..<depth]))
        try budget.spend(steps: outer.elementCount)
        let mask = (0..<outer.elementCount).map { position in
            block.indices.allSatisfy { block[$0].contains(position / outer.strides[$0] % outer[$0]) } ? 0.0 : 1.0
        }
        let type = TensorType(
            .float32, try ConstantFolder.shape(outer.dimensions + [Int](repeating: 1, count: data.rank - depth)))
        let kept = try ConstantFolder.tensor(type, mask, budget: &budget)
        return try expansion { (steps) throws(ONNXImportError) in
            let extents = block.map(\.count) + data.dimensions[depth...]
            let written = steps.add(.pad(pad), steps.add(.reshape(Reshape(extents)), try source(2)))
            return steps.add(.add, steps.add(.multiply, try source(0), .constant(kept)), written)
        }
    }

    /// The range along each axis, if these rows are all those of a box, in order.
    private static func box(_ rows: [Int], _ extents: [Int]) -> [Range<Int>]? {
        guard let first = rows.first, let last = rows.last, let shape = try? Shape(extents) else { return nil }
        let strides = shape.strides
        let ranges = extents.indices.map { axis in
            let (low, high) = (first / strides[axis] % extents[axis], last / strides[axis] % extents[axis])
            return low..<max(high + 1, low)
        }
        guard ranges.reduce(1, { $0.multipliedClamping(by: $1.count) }) == rows.count else { return nil }
        var inner = rows.count
        var expected = [Int](repeating: 0, count: rows.count)
        for (axis, range) in ranges.enumerated() {
            inner /= max(range.count, 1)
            for tuple in rows.indices {
                expected[tuple] += (range.lowerBound + tuple / max(inner, 1) % max(range.count, 1)) * strides[axis]
            }
        }
        return expected == rows ? ranges : nil
    }
}
