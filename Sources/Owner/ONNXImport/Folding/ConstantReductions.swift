// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

extension ImportedNode {
    /// Axes are an attribute before operator set `inputSince`, and an input from it on.
    mutating func reduce(
        _ function: FoldedReduction, _ inputSince: Int, _ budget: inout FoldingBudget
    ) throws(ONNXImportError) -> [Tensor] {
        let x = try known(0, "operand")
        let keeps = try flag("keepdims", default: true)
        let stated = opset < inputSince ? try integers("axes") : try constantIntegers(1, "axes")
        if opset >= inputSince, try flag("noop_with_empty_axes"), stated?.isEmpty ?? true { return [x] }
        let axes = try resolved(stated ?? [], x.shape.rank)
        return [try ConstantFolder.reduce(function, x, axes: axes, keeps: keeps, budget: &budget)]
    }

    func resolved(_ axes: [Int], _ rank: Int) throws(ONNXImportError) -> [Int] {
        try axes.map { (axis) throws(ONNXImportError) in
            try require(axis >= -rank && axis < rank, "axis \(axis) is outside rank \(rank)")
            return axis < 0 ? axis + rank : axis
        }
    }

    mutating func best(largest: Bool, _ budget: inout FoldingBudget) throws(ONNXImportError) -> [Tensor] {
        let x = try known(0, "operand")
        let axis = try axis(default: 0, rank: x.shape.rank)
        let keeps = try flag("keepdims", default: true)
        let ranked = try ConstantFolder.ranked(
            x, axis: axis, count: 1, largest: largest, isLast: try flag("select_last_index"), budget: &budget)
        var extents = x.shape.dimensions
        if keeps { extents[axis] = 1 } else { extents.remove(at: axis) }
        let type = TensorType(.int64, try ConstantFolder.shape(extents))
        return [try ConstantFolder.tensor(type, ranked.map { Int64($0.first ?? 0) }, budget: &budget)]
    }

    mutating func topK(_ budget: inout FoldingBudget) throws(ONNXImportError) -> [Tensor] {
        let x = try known(0, "operand")
        let axis = try axis(default: -1, rank: x.shape.rank)
        let count = opset < 10 ? try integer("k") ?? 0 : try constantIntegers(1, "k")?.first ?? 0
        try require((0...x.shape[axis]).contains(count), "the best \(count) of \(x.shape[axis])")
        let largest = try flag("largest", default: true)
        ignore("sorted")
        let ranked = try ConstantFolder.ranked(x, axis: axis, count: count, largest: largest, budget: &budget)
        var extents = x.shape.dimensions
        extents[axis] = count
        let shape = try ConstantFolder.shape(extents)
        // A group has the elements along the axis for one index of the other axes. `starts` has the position in x of
        // each group's first element.
        let groups = try ConstantFolder.groups(shape, [axis])
        var seen = [Int](repeating: 0, count: groups.count)
        var (positions, places): ([Int], [Int64]) = ([], [])
        let origin = try ConstantFolder.groups(x.shape, [axis])
        var starts = [Int](repeating: -1, count: origin.count)
        for (index, group) in origin.ofElement.enumerated() where starts[group] < 0 { starts[group] = index }
        for group in groups.ofElement {
            let place = ranked[group][seen[group]]
            seen[group] += 1
            places.append(Int64(place))
            positions.append(starts[group] + place * x.shape.strides[axis])
        }
        return [
            try ConstantFolder.picked(x, at: positions, shape, budget: &budget),
            try ConstantFolder.tensor(TensorType(.int64, shape), places, budget: &budget),
        ]
    }

    /// - Parameter multiplies: Whether products are taken instead of sums.
    mutating func running(
        multiplies: Bool = false, _ budget: inout FoldingBudget
    ) throws(ONNXImportError) -> [Tensor] {
        let x = try known(0, "operand")
        let axis = try resolved([try constantIntegers(1, "axis")?.first ?? 0], x.shape.rank)[0]
        let (excludes, reverses) = (try flag("exclusive"), try flag("reverse"))
        let groups = try ConstantFolder.groups(x.shape, [axis]).ofElement
        var totals = [Double](repeating: multiplies ? 1 : 0, count: x.shape.elementCount)
        let values = x.numbers()
        var results = values
        for index in reverses ? Array(values.indices.reversed()) : Array(values.indices) {
            let group = groups[index]
            if excludes { results[index] = totals[group] }
            totals[group] = multiplies ? totals[group] * values[index] : totals[group] + values[index]
            if !excludes { results[index] = totals[group] }
        }
        return [try ConstantFolder.tensor(x.type, results, budget: &budget)]
    }

    /// BatchNormalization of a constant. In training mode it uses the statistics of the operand itself, by which
    /// networks standardise their weights.
    mutating func trainedNormalization(_ budget: inout FoldingBudget) throws(ONNXImportError) -> [Tensor] {
        let (epsilon, momentum) = (try float("epsilon") ?? 1e-5, Double(try float("momentum") ?? 0.9))
        for name in ["is_test", "spatial"] where opset < 9 { ignore(name) }
        let trains = opset >= 14 ? try flag("training_mode") : false
        let given = try (0..<5).map { (index) throws(ONNXImportError) in try known(index, "input \(index)") }
        try require(given[0].shape.rank >= 2, "input \(given[0].shape) has no channels")
        let (result, mean, variance) = try ConstantFolder.batchNormalization(
            trains ? Array(given.prefix(3)) : given, epsilon: epsilon, budget: &budget)
        guard trains else { return [result] }
        func running(_ old: Tensor, _ new: [Double]) throws(ONNXImportError) -> Tensor {
            try ConstantFolder.tensor(
                old.type, zip(old.numbers(), new).map { $0 * momentum + $1 * (1 - momentum) }, budget: &budget)
        }
        return [result, try running(given[3], mean), try running(given[4], variance)]
    }
}
