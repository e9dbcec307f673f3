// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Operators on counts and shapes, and repetition.

extension ImportedNode {
    mutating func range() throws(ONNXImportError) -> Lowered {
        _ = try inputs(3...3)
        ignore("stash_type")
        let (start, limit, step) = (try known(0, "start"), try known(1, "limit"), try known(2, "step"))
        return .constant(Constant(try ConstantFolder.range(start, limit, step, budget: &budget)))
    }

    /// The number of elements, which is known even if the values are not.
    mutating func sizeOfOperand() throws(ONNXImportError) -> Lowered {
        let count = try shape(0).elementCount
        return .constant(
            Constant(try ConstantFolder.checked { () throws(TensorError) in try Tensor([Int64(count)], shape: []) }))
    }

    /// Constants are repeated; other values are multiplied by ones.
    mutating func expand() throws(ONNXImportError) -> Lowered {
        guard let dimensions = try constantIntegers(1, "shape") else {
            throw failure(.invalidGraph, "the shape is missing")
        }
        return try expand(to: dimensions)
    }

    mutating func expand(to dimensions: [Int]) throws(ONNXImportError) -> Lowered {
        let operand = try type(0)
        let result: Shape
        do throws(TensorError) {
            let given = try Shape(dimensions)
            do throws(GraphError) { result = try Arithmetic.broadcast(operand.shape, given) } catch {
                throw TensorError(.mismatch, error.message)
            }
        } catch { throw failure(.invalidGraph, error.message) }
        if let tensor = self.operand(0)?.constant?.tensor {
            return .constant(Constant(try ConstantFolder.broadcast(tensor, to: result, budget: &budget)))
        }
        guard result != operand.shape else {
            return .operation(.identity(Identity()), operands: [try input(0)])
        }
        let missing = result.rank - operand.shape.rank
        let ones = try ConstantFolder.shape(
            result.dimensions.indices.map { axis in
                axis >= missing && operand.shape[axis - missing] == result[axis] ? 1 : result[axis]
            })
        return try expansion { (steps) throws(ONNXImportError) in
            steps.add(.multiply, try source(0), try filled(ones, with: 1))
        }
    }

    /// The operand repeated along each axis.
    mutating func tile() throws(ONNXImportError) -> Lowered {
        let shape = try shape(0)
        var repeats = try constantIntegers(1, "repeats") ?? []
        try require(repeats.count == shape.rank, "\(repeats.count) repeats for \(shape)")
        try require(repeats.allSatisfy { (1...1 << 20).contains($0) }, .unsupported, "repeats \(repeats)")
        let axes = repeats.indices.filter { repeats[$0] != 1 }
        guard !axes.isEmpty else { return .operation(.identity(Identity()), operands: [try input(0)]) }
        try require(
            shape.rank + axes.count <= Shape.maximumRank, .unsupported, "repeats \(repeats) along too many axes")
        // A new axis before each repeated one.
        let inserted = axes.enumerated().map { $0.offset + $0.element }
        var ones = [Int](repeating: 1, count: shape.rank + axes.count)
        for (place, axis) in zip(inserted, axes) { ones[place] = repeats[axis] }
        var result = zip(shape.dimensions, repeats).map { $0.multipliedClamping(by: $1) }
        _ = try ConstantFolder.shape(result)
        if repeats[0] == 1 { (result[0], repeats[0]) = (0, 1) }
        let filling = try ConstantFolder.shape(ones)
        return try expansion { (steps) throws(ONNXImportError) in
            let spread = steps.add(.unsqueeze(Unsqueeze(axes: inserted)), try source(0))
            let repeated = steps.add(.multiply, spread, try filled(filling, with: 1))
            return steps.add(.reshape(Reshape(result)), repeated)
        }
    }
}
