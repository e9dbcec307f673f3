// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// Evaluates operations whose operands are all known: the arithmetic on shapes that exporters leave in a graph, and
/// constants that nodes compute or rearrange.
enum ConstantFolder {
    /// The result, or `nil` for an operation that is left to the engine.
    ///
    /// - Throws: ``ONNXImportError``.
    static func fold(
        _ operation: Operation, operands: [Tensor], budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor? {
        switch operation {
        case .identity: return operands[0]
        case .reshape, .flatten, .squeeze, .unsqueeze:
            let type = try resultType(operation, operands)
            do throws(TensorError) { return try operands[0].reshaped(type.shape.dimensions) } catch {
                throw ONNXImportError(.invalidGraph, error.message)
            }
        case .transpose(let transpose):
            let type = try resultType(operation, operands)
            let strides = operands[0].shape.strides
            return try rearrange(
                operands[0], to: type, from: 0, strides: transpose.permutation.map { strides[$0] }, budget: &budget)
        case .slice(let slice):
            let type = try resultType(operation, operands)
            let strides = operands[0].shape.strides
            let ranges: [(start: Int, step: Int, count: Int)]
            do throws(GraphError) { ranges = try slice.ranges(of: operands[0].shape) } catch {
                throw ONNXImportError(.invalidGraph, error.message)
            }
            let origin = zip(ranges, strides).reduce(0) { $0 + $1.0.start * $1.1 }
            return try rearrange(
                operands[0], to: type, from: origin, strides: zip(ranges, strides).map { $0.step * $1 }, budget: &budget
            )
        case .concat(let concat):
            return try self.concat(
                operands, axis: concat.axis, to: try resultType(operation, operands), budget: &budget)
        case .arithmetic(let arithmetic):
            return try compute(arithmetic.function, operands[0], operands[1], budget: &budget)
        case .activation(let activation): return try compute(activation, operands[0], budget: &budget)
        case .matMul:
            return try product(operands[0], operands[1], to: try resultType(operation, operands), budget: &budget)
        case .gemm(let gemm):
            return try self.gemm(gemm, operands, to: try resultType(operation, operands), budget: &budget)
        case .softmax(let softmax):
            _ = try resultType(operation, operands)
            return try self.softmax(softmax, operands[0], budget: &budget)
        case .batchNormalization(let normalization):
            _ = try resultType(operation, operands)
            return try batchNormalization(operands, epsilon: normalization.epsilon, budget: &budget).result
        case .reduceMean(let mean): return try reduce(.mean, mean, operation, operands, budget: &budget)
        case .reduction(let reduction):
            let function: FoldedReduction =
                switch reduction.function {
                case .sum: .sum
                case .maximum: .maximum
                case .minimum: .minimum
                }
            return try reduce(function, reduction.extent, operation, operands, budget: &budget)
        case .pad(let pad):
            return try padded(operands[0], pad, to: try resultType(operation, operands), budget: &budget)
        case .globalPooling(let pooling):
            _ = try resultType(operation, operands)
            return try reduce(
                pooling.kind == .maximum ? .maximum : .mean, operands[0],
                axes: Array(2..<operands[0].shape.rank), keeps: true, budget: &budget)
        // Quantised weights stay as small as they are in the file.
        case .quantizeLinear, .dequantizeLinear: return nil
        case .convolution(let convolution):
            return try self.convolution(convolution, operands, to: try resultType(operation, operands), budget: &budget)
        case .pooling(let pooling):
            return try pooled(pooling, operands[0], to: try resultType(operation, operands), budget: &budget)
        case .layerNormalization(let normalization):
            _ = try resultType(operation, operands)
            return try layerNormalization(normalization, operands, budget: &budget)
        case .localResponseNormalization(let normalization):
            _ = try resultType(operation, operands)
            return try localResponseNormalization(normalization, operands[0], budget: &budget)
        }
    }

    private static func reduce(
        _ function: FoldedReduction, _ extent: ReduceMean, _ operation: Operation, _ operands: [Tensor],
        budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        _ = try resultType(operation, operands)
        let rank = operands[0].shape.rank
        let axes = extent.axes.map { $0 < 0 ? $0 + rank : $0 }
        return try reduce(function, operands[0], axes: axes, keeps: extent.keepsDimensions, budget: &budget)
    }

    private static func resultType(_ operation: Operation, _ operands: [Tensor]) throws(ONNXImportError) -> TensorType {
        do throws(GraphError) { return try operation.attributes.resultTypes(for: operands.map(\.type))[0] } catch {
            throw ONNXImportError(.invalidGraph, error.message)
        }
    }

    /// A tensor whose element at an index is the operand's element at `origin` plus the index times `strides`.
    static func rearrange(
        _ operand: Tensor, to type: TensorType, from origin: Int, strides: [Int], budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        try budget.spend(type)
        var walk = StridedWalk(type.shape, strides: strides)
        let size = type.element.byteCount
        return operand.withBytes { source in
            Tensor(type: type) { target in
                for index in 0..<type.shape.elementCount {
                    let from = (origin + walk.next()) * size
                    for byte in 0..<size { target[index * size + byte] = source[from + byte] }
                }
            }
        }
    }

    private static func concat(
        _ operands: [Tensor], axis: Int, to type: TensorType, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        try budget.spend(type)
        let axis = axis < 0 ? axis + type.shape.rank : axis
        // Empty parts are removed first. Otherwise the loops would take as many steps as the extents demand, without
        // copying anything.
        let parts = operands.filter { $0.byteCount > 0 }
        let rows = parts.isEmpty ? 0 : type.shape.dimensions[..<axis].reduce(1, *)
        return Tensor(type: type) { target in
            var position = 0
            for row in 0..<rows {
                for operand in parts {
                    let count = operand.byteCount / rows
                    operand.withBytes { source in
                        target[position..<position + count].copyBytes(from: source[row * count..<(row + 1) * count])
                    }
                    position += count
                }
            }
        }
    }

    /// A tensor with the same value everywhere.
    static func fill(
        _ type: TensorType, with value: Tensor, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        try budget.spend(fill: type)
        return value.withBytes { source in
            // Memory is zero-filled already.
            guard source.contains(where: { $0 != 0 }) else { return Tensor(type: type) { _ in } }
            return Tensor(type: type) { target in
                for index in target.indices { target[index] = source[index % source.count] }
            }
        }
    }
}

/// Element positions for these strides, in row-major order of the extents. Most positions cost one addition, whatever
/// the number of axes.
struct StridedWalk {
    private let extents: [Int]
    private let strides: [Int]
    private var index: [Int]
    private var offset = 0

    init(_ shape: Shape, strides: [Int]) {
        self.extents = shape.dimensions
        self.strides = strides
        index = [Int](repeating: 0, count: shape.rank)
    }

    /// The offset of the next element; after the last one the first again.
    mutating func next() -> Int {
        defer { step() }
        return offset
    }

    private mutating func step() {
        for axis in extents.indices.reversed() {
            index[axis] += 1
            offset += strides[axis]
            if index[axis] < extents[axis] { return }
            offset -= index[axis] * strides[axis]
            index[axis] = 0
        }
    }
}
