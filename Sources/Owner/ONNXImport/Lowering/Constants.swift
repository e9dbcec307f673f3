// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat
import Tensors

// Operators that produce constants, and those that are supported on constants only.

extension ImportedNode {
    mutating func constant() throws(ONNXImportError) -> Lowered {
        if let value = try tensor("value") { return .constant(value) }
        if let value = try integer("value_int") { return try constant([Int64(value)], []) }
        if let values = try integers("value_ints") { return try constant(values.map(Int64.init), [values.count]) }
        if let value = try float("value_float") { return try constant([value], []) }
        if let values = try floats("value_floats") { return try constant(values, [values.count]) }
        throw failure(.unsupported, "it has no value of tensor, float or integer type")
    }

    private func constant(_ values: [Int64], _ shape: [Int]) throws(ONNXImportError) -> Lowered {
        .constant(Constant(try checked { () throws(TensorError) in try Tensor(values, shape: shape) }))
    }

    private func constant(_ values: [Float], _ shape: [Int]) throws(ONNXImportError) -> Lowered {
        .constant(Constant(try checked { () throws(TensorError) in try Tensor(values, shape: shape) }))
    }

    private func checked<Result>(_ body: () throws(TensorError) -> Result) throws(ONNXImportError) -> Result {
        do throws(TensorError) { return try body() } catch { throw failure(.invalidGraph, error.message) }
    }

    mutating func constantOfShape() throws(ONNXImportError) -> Lowered {
        guard let dimensions = try constantIntegers(0, "shape") else {
            throw failure(.invalidGraph, "the shape is missing")
        }
        let shape = try checked { () throws(TensorError) in try Shape(dimensions) }
        let zero = try checked { () throws(TensorError) in try Tensor([Float(0)], shape: [1]) }
        let value = try tensor("value")?.tensor ?? zero
        try require(value.shape.elementCount == 1, .unsupported, "attribute 'value' is not one element")
        let type = TensorType(value.element, shape)
        return .filled(type, with: value)
    }

    /// The operand's extents, which are known even if its values are not.
    mutating func shapeOfOperand() throws(ONNXImportError) -> Lowered {
        let dimensions = try shape(0).dimensions
        var (start, end) = (0, dimensions.count)
        if opset >= 15 {
            func clamp(_ position: Int) -> Int {
                min(
                    max(position < 0 ? max(position, -dimensions.count) + dimensions.count : position, 0),
                    dimensions.count)
            }
            start = clamp(try integer("start") ?? 0)
            end = clamp(try integer("end") ?? dimensions.count)
        }
        let part = start < end ? dimensions[start..<end].map(Int64.init) : []
        return try constant(part, [part.count])
    }

    /// Ones on a diagonal of a matrix with the operand's extents, which are known even if its values are not.
    mutating func eyeLike() throws(ONNXImportError) -> Lowered {
        let type = try type(0)
        let k = try integer("k") ?? 0
        let stated = try integer("dtype").map { Int32(clamping: $0) }
        guard let result = stated.map({ ONNXElement($0) }) ?? ONNXElement(type.element) else {
            throw failure(.unsupported, "ones of the type \(ONNXElement.name(stated ?? 0)) are not supported")
        }
        try require(type.shape.rank == 2 && abs(Double(k)) < 1e9, "input \(type.shape) is no matrix")
        let columns = type.shape[1]
        try budget.spend(numbers: type.shape.elementCount)
        let values = (0..<type.shape.elementCount).map { Int64($0 % columns == $0 / columns + k ? 1 : 0) }
        return .constant(
            Constant(
                try ConstantFolder.tensor(TensorType(result.element, type.shape), values, budget: &budget),
                narrow: result.narrow))
    }

    /// Far above any position table; a few bytes of a file can ask for many more.
    private static let maximumIndices = 1 << 22

    mutating func gather() throws(ONNXImportError) -> Lowered {
        let axis = try integer("axis") ?? 0
        let indices = try known(1, "indices")
        let shape = try shape(0)
        let rank = shape.rank
        try require(axis >= -rank && axis < rank, "axis \(axis) is outside \(shape)")
        guard indices.shape.elementCount <= Self.maximumIndices else {
            throw failure(
                .tooLarge, "\(indices.shape.elementCount) indices are over the limit of \(Self.maximumIndices)")
        }
        let positions: [Int]
        switch indices.element {
        case .int64: positions = indices.withElements(as: Int64.self) { $0.map(Int.init) }
        case .int32: positions = indices.withElements(as: Int32.self) { $0.map(Int.init) }
        default: throw failure(.invalidGraph, "indices are \(indices.element), expected integers")
        }
        guard let data = operand(0)?.constant?.tensor else {
            return try gather(positions, indices.shape, axis: axis < 0 ? axis + rank : axis)
        }
        let gathering = Gathering(
            data: data, axis: axis < 0 ? axis + rank : axis, indices: positions, indexShape: indices.shape)
        return .constant(
            Constant(try ConstantFolder.gather(gathering, budget: &budget), narrow: operand(0)?.constant?.narrow))
    }
}
