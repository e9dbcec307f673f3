// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Operators that select elements of constants by position.

extension ImportedNode {
    mutating func tileConstant(_ budget: inout FoldingBudget) throws(ONNXImportError) -> [Tensor] {
        let x = try known(0, "operand")
        let repeats = try constantIntegers(1, "repeats") ?? []
        try require(repeats.count == x.shape.rank, "\(repeats.count) repeats for \(x.shape)")
        let shape = try ConstantFolder.shape(zip(x.shape.dimensions, repeats).map { $0.multipliedClamping(by: $1) })
        try budget.spend(numbers: shape.elementCount)
        let strides = x.shape.strides
        let positions = try indices(of: shape) { index in
            index.indices.reduce(0) { $0 + (index[$1] % max(x.shape[$1], 1)) * strides[$1] }
        }
        return [try ConstantFolder.picked(x, at: positions, shape, budget: &budget)]
    }

    /// A number for each index of a shape, in row-major order.
    private func indices(
        of shape: Shape, _ body: ([Int]) throws(ONNXImportError) -> Int
    ) throws(ONNXImportError) -> [Int] {
        var results: [Int] = []
        results.reserveCapacity(shape.elementCount)
        var index = [Int](repeating: 0, count: shape.rank)
        for _ in 0..<shape.elementCount {
            results.append(try body(index))
            for axis in shape.dimensions.indices.reversed() {
                index[axis] += 1
                if index[axis] < shape[axis] { break }
                index[axis] = 0
            }
        }
        return results
    }

    private func checkedPosition(_ position: Int64, _ extent: Int) throws(ONNXImportError) -> Int {
        try require(position >= -Int64(extent) && position < Int64(extent), "index \(position) is outside \(extent)")
        return Int(position) + (position < 0 ? extent : 0)
    }

    mutating func gatherElements(_ budget: inout FoldingBudget) throws(ONNXImportError) -> [Tensor] {
        let (x, indices) = (try known(0, "data"), try known(1, "indices"))
        let positions = try elementPositions(indices, in: x.shape, &budget)
        return [try ConstantFolder.picked(x, at: positions, indices.shape, budget: &budget)]
    }

    /// The position in the data of each element that `GatherElements` and `ScatterElements` name.
    mutating func elementPositions(
        _ indices: Tensor, in data: Shape, _ budget: inout FoldingBudget
    ) throws(ONNXImportError) -> [Int] {
        let axis = try axis(default: 0, rank: data.rank)
        try require(
            indices.shape.rank == data.rank
                && data.dimensions.indices.allSatisfy { $0 == axis || indices.shape[$0] <= data[$0] },
            "indices \(indices.shape) do not fit \(data)")
        try budget.spend(numbers: indices.shape.elementCount)
        let (places, strides) = (indices.integers(), data.strides)
        var next = 0
        return try self.indices(of: indices.shape) { (index) throws(ONNXImportError) in
            var index = index
            index[axis] = try checkedPosition(places[next], data[axis])
            next += 1
            return zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }
        }
    }

    mutating func gatherTuples(_ budget: inout FoldingBudget) throws(ONNXImportError) -> [Tensor] {
        let (x, indices) = (try known(0, "data"), try known(1, "indices"))
        let (starts, rest) = try tuplePositions(indices, in: x.shape, leading: try integer("batch_dims") ?? 0, &budget)
        let result = try ConstantFolder.shape(indices.shape.dimensions.dropLast() + rest)
        try budget.spend(numbers: result.elementCount)
        let size = rest.reduce(1, *)
        let positions = starts.flatMap { $0 * size..<($0 + 1) * size }
        return [try ConstantFolder.picked(x, at: positions, result, budget: &budget)]
    }

    /// The block of the data that each tuple of `GatherND` and `ScatterND` names, and the extents of a block.
    ///
    /// - Parameter leading: The number of axes that data and indices share.
    func tuplePositions(
        _ indices: Tensor, in data: Shape, leading: Int, _ budget: inout FoldingBudget
    ) throws(ONNXImportError) -> (starts: [Int], block: [Int]) {
        let depth = indices.shape.dimensions.last ?? 0
        try require(
            leading >= 0 && leading < indices.shape.rank && depth <= data.rank && leading + depth <= data.rank
                && data.dimensions[..<leading] == indices.shape.dimensions[..<leading],
            "indices \(indices.shape) do not fit \(data)")
        try budget.spend(numbers: indices.shape.elementCount)
        let outer = Array(data.dimensions[leading..<leading + depth])
        let places = indices.integers()
        let tuples = indices.shape.dimensions.dropLast().reduce(1, *)
        let batches = max(indices.shape.dimensions[..<leading].reduce(1, *), 1)
        var starts: [Int] = []
        for tuple in 0..<tuples {
            var start = tuple / max(tuples / batches, 1)
            for axis in 0..<depth {
                start = start * outer[axis] + (try checkedPosition(places[tuple * depth + axis], outer[axis]))
            }
            starts.append(start)
        }
        return (starts, Array(data.dimensions[(leading + depth)...]))
    }

    mutating func scatterElements(_ budget: inout FoldingBudget) throws(ONNXImportError) -> [Tensor] {
        let (x, indices, updates) = (try known(0, "data"), try known(1, "indices"), try known(2, "updates"))
        try require(indices.shape == updates.shape, "updates \(updates.shape) do not fit indices \(indices.shape)")
        let positions = try elementPositions(indices, in: x.shape, &budget)
        return [try scattered(updates, into: x, at: positions, &budget)]
    }

    mutating func scatterTuples(_ budget: inout FoldingBudget) throws(ONNXImportError) -> [Tensor] {
        let (x, indices, updates) = (try known(0, "data"), try known(1, "indices"), try known(2, "updates"))
        let (starts, block) = try tuplePositions(indices, in: x.shape, leading: 0, &budget)
        try require(
            updates.shape.dimensions == indices.shape.dimensions.dropLast() + block,
            "indices \(indices.shape) and updates \(updates.shape) do not fit \(x.shape)")
        try budget.spend(numbers: updates.shape.elementCount)
        let size = block.reduce(1, *)
        let positions = starts.flatMap { $0 * size..<($0 + 1) * size }
        return [try scattered(updates, into: x, at: positions, &budget)]
    }

    /// If an element is updated several times, the last update wins.
    private mutating func scattered(
        _ updates: Tensor, into x: Tensor, at positions: [Int], _ budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        let reduction = try text("reduction") ?? "none"
        try require(x.element == updates.element, "updates are \(updates.type), the data \(x.type)")
        var values = x.isFloat ? x.numbers() : []
        var integers = x.isFloat ? [] : x.integers()
        let (floats, whole) = (x.isFloat ? updates.numbers() : [], x.isFloat ? [] : updates.integers())
        func combined<Value: Numeric & Comparable>(_ old: Value, _ new: Value) throws(ONNXImportError) -> Value {
            switch reduction {
            case "none": new
            case "add": old + new
            case "mul": old * new
            case "max": max(old, new)
            case "min": min(old, new)
            default: throw failure(.malformed, "attribute 'reduction' is '\(reduction.prefix(40))'")
            }
        }
        for (index, position) in positions.enumerated() {
            if x.isFloat {
                values[position] = try combined(values[position], floats[index])
            } else {
                let (old, new) = (integers[position], whole[index])
                try require(
                    reduction == "none" || (abs(Double(old)) < 1e9 && abs(Double(new)) < 1e9), "updates overflow")
                integers[position] = try combined(old, new)
            }
        }
        return x.isFloat
            ? try ConstantFolder.tensor(x.type, values, budget: &budget)
            : try ConstantFolder.tensor(x.type, integers, budget: &budget)
    }

    mutating func triangle(_ budget: inout FoldingBudget) throws(ONNXImportError) -> [Tensor] {
        let x = try known(0, "operand")
        let positions = try trianglePositions(x.shape, &budget)
        return [try ConstantFolder.picked(x, at: positions, x.shape, budget: &budget)]
    }

    /// The position of each element that is kept, -1 for the others.
    mutating func trianglePositions(
        _ shape: Shape, _ budget: inout FoldingBudget
    ) throws(ONNXImportError) -> [Int] {
        let upper = try flag("upper", default: true)
        let k = try constantIntegers(1, "k")?.first ?? 0
        try require(shape.rank >= 2, "input \(shape) is no matrix")
        try budget.spend(numbers: shape.elementCount)
        let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
        return (0..<shape.elementCount).map { position in
            let (row, column) = (position / columns % rows, position % columns)
            let distance = Double(column) - Double(row) - Double(k)
            return (upper ? distance >= 0 : distance <= 0) ? position : -1
        }
    }

    mutating func nonZero(_ budget: inout FoldingBudget) throws(ONNXImportError) -> [Tensor] {
        let x = try known(0, "operand")
        try budget.spend(numbers: x.shape.elementCount.multipliedClamping(by: max(x.shape.rank, 1)))
        let found = x.numbers().enumerated().filter { $0.element != 0 }.map(\.offset)
        let (rank, strides) = (x.shape.rank, x.shape.strides)
        let places = (0..<rank).flatMap { axis in found.map { Int64($0 / strides[axis] % x.shape[axis]) } }
        let type = TensorType(.int64, try ConstantFolder.shape([rank, found.count]))
        return [try ConstantFolder.tensor(type, places, budget: &budget)]
    }

    mutating func compress(_ budget: inout FoldingBudget) throws(ONNXImportError) -> [Tensor] {
        var x = try known(0, "operand")
        let condition = try known(1, "condition").integers()
        let stated = try integer("axis")
        if stated == nil {
            x = try ConstantFolder.checked { () throws(TensorError) in try x.reshaped([x.shape.elementCount]) }
        }
        let axis = try resolved([stated ?? 0], x.shape.rank)[0]
        let kept = condition.indices.filter { condition[$0] != 0 }
        return [
            try ConstantFolder.gather(
                Gathering(data: x, axis: axis, indices: kept, indexShape: try ConstantFolder.shape([kept.count])),
                budget: &budget)
        ]
    }

    mutating func oneHot(_ budget: inout FoldingBudget) throws(ONNXImportError) -> [Tensor] {
        let (indices, values) = (try known(0, "indices"), try known(2, "values"))
        let depth = Int(try known(1, "depth").integers().first ?? -1)
        try require((0...1 << 24).contains(depth) && values.shape.elementCount == 2, "a depth of \(depth)")
        let axis = try axis(default: -1, rank: indices.shape.rank + 1)
        var extents = indices.shape.dimensions
        extents.insert(depth, at: axis)
        let shape = try ConstantFolder.shape(extents)
        try budget.spend(numbers: shape.elementCount)
        let places = indices.integers()
        let inner = extents[(axis + 1)...].reduce(1, *)
        let positions = (0..<shape.elementCount).map { position in
            let (outer, place, rest) = (
                position / max(inner * depth, 1), position / max(inner, 1) % max(depth, 1), position % max(inner, 1)
            )
            let hot = places[outer * inner + rest]
            return hot == Int64(place) || hot &+ Int64(depth) == Int64(place) ? 1 : 0
        }
        return [try ConstantFolder.picked(values, at: positions, shape, budget: &budget)]
    }

    mutating func padConstant(_ budget: inout FoldingBudget) throws(ONNXImportError) -> [Tensor] {
        let x = try known(0, "operand")
        let pad = try padding(x.shape.rank)
        let fill = operand(2) == nil ? nil : try known(2, "value")
        let extents = x.shape.dimensions.indices.map { x.shape[$0] &+ pad.pads[$0] &+ pad.pads[x.shape.rank + $0] }
        for (axis, extent) in extents.enumerated() {
            try require(
                pad.mode == .constant || (x.shape[axis] > 0 && extent <= 3 * x.shape[axis]), "pads \(pad.pads)")
        }
        let type = TensorType(x.element, try ConstantFolder.shape(extents))
        return [try ConstantFolder.padded(x, pad, to: type, fill: fill, budget: &budget)]
    }
}

extension Int {
    /// The product, clamped to the largest integer.
    func multipliedClamping(by other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }

    /// The sum, clamped to the largest integer.
    func addingClamping(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
