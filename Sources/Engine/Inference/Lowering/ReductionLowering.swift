// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

extension Lowering {
    mutating func lowerReduction(_ reduction: Reduction, _ node: Draft.Node) throws(OneDNNError) -> Int {
        let source = try value(of: node.inputs[0])
        let dimensions = layout(source).dimensions
        var kept = dimensions
        for axis in (try? reduction.extent.resolvedAxes(rank: draft.shape(node.inputs[0]).count)) ?? [] {
            kept[axis] = 1
        }
        let function: ReductionFunction =
            switch reduction.function {
            case .sum: .sum
            case .maximum: .maximum
            case .minimum: .minimum
            }
        let result = try emitReduction(function, source, kept, node)
        return kept == draft.type(node.output).planDimensions ? result : try reshaped(result, draft.type(node.output))
    }

    /// Emits a reduction and returns its result.
    ///
    /// - Parameter kept: The extents of the source, with 1 along the reduced axes. If they are those of the source,
    ///   nothing is emitted.
    mutating func emitReduction(
        _ function: ReductionFunction, _ source: Int, _ kept: [Int], _ node: Draft.Node
    ) throws(OneDNNError) -> Int {
        let dimensions = layout(source).dimensions
        guard kept != dimensions else { return source }
        let rows = try rowMajor(source, for: node)
        let result = add(.arena, try TensorLayout(kept))
        let primitive = try PrimitiveDescription.reduction(
            function, source: layout(rows), destination: layout(result))
        if primitive.isReference, layout(rows).element == .float32,
            let loop = Loop.reduction(function, dimensions, kept)
        {
            emit(loop, [rows], to: result, for: node)
        } else {
            emit(primitive, [(.source, rows), (.destination, result)], to: result, function.rawValue, for: node)
        }
        return result
    }

    mutating func lowerLayerNormalization(
        _ normalization: LayerNormalization, _ node: Draft.Node
    ) throws(OneDNNError) -> Int {
        let type = draft.type(node.output)
        let count = draft.type(node.inputs[1]).shape.elementCount
        let matrix = try TensorLayout([type.shape.elementCount / count, count])
        let vector = try TensorLayout([count])
        func rows(_ name: String, as target: TensorLayout) throws(OneDNNError) -> Int {
            alias(try rowMajor(try value(of: name), for: node), as: target)
        }
        let hasShift = node.inputs.count == 3
        let primitive = try PrimitiveDescription.layerNormalization(
            matrix, epsilon: normalization.epsilon, hasShift: hasShift)
        let target = add(.arena, matrix)
        var arguments: [(argument: Argument, value: Int)] = [
            (.source, try rows(node.inputs[0], as: matrix)), (.scale, try rows(node.inputs[1], as: vector)),
            (.destination, target),
        ]
        if hasShift { arguments.append((.shift, try rows(node.inputs[2], as: vector))) }
        emit(primitive, arguments, to: target, "layer normalisation", for: node)
        return alias(target, as: try TensorLayout(type.planDimensions))
    }
}
