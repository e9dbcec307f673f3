// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

extension ImportedNode {
    /// Writes a block of elements into the data: exporters express an assignment to a slice in this way.
    mutating func scatterBlock() throws(ONNXImportError) -> Lowered {
        let (data, updates) = (try shape(0), try shape(2))
        let indices = try known(1, "indices")
        try require(try text("reduction") ?? "none" == "none", .unsupported, "a reduction")
        let depth = indices.shape.dimensions.last ?? 0
        try require(
            indices.shape.rank >= 1 && (1...max(data.rank, 1)).contains(depth) && depth <= data.rank
                && updates.dimensions == indices.shape.dimensions.dropLast() + data.dimensions[depth...],
            "indices \(indices.shape) and updates \(updates) do not fit \(data)")
        let block = try block(indices, Array(data.dimensions[..<depth]))
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

    /// The range of indices along each axis, the last axis first.
    private func block(_ indices: Tensor, _ extents: [Int]) throws(ONNXImportError) -> [Range<Int>] {
        let (values, depth) = (indices.integers(), extents.count)
        var budget = budget
        try budget.spend(steps: values.count)
        let count = values.count / depth
        try require(count > 0, .unsupported, "no indices")
        func index(_ tuple: Int, _ axis: Int) throws(ONNXImportError) -> Int {
            let value = values[tuple * depth + axis]
            let extent = Int64(extents[axis])
            try require((-extent..<extent).contains(value), "index \(value) is outside \(extent)")
            return Int(value < 0 ? value + extent : value)
        }
        let ranges = try (0..<depth).map { (axis) throws(ONNXImportError) in
            let (first, last) = (try index(0, axis), try index(count - 1, axis))
            return first..<max(last + 1, first)
        }
        var stride = count
        for axis in 0..<depth {
            stride /= max(ranges[axis].count, 1)
            for tuple in 0..<count {
                let expected = ranges[axis].lowerBound + tuple / max(stride, 1) % max(ranges[axis].count, 1)
                let found = try index(tuple, axis)
                try require(
                    found == expected, .unsupported, "indices that are no block of the data: simplify with onnxslim")
            }
        }
        try require(
            ranges.reduce(1) { $0.multipliedClamping(by: $1.count) } == count, .unsupported, "indices that are no block"
        )
        return ranges
    }
}
