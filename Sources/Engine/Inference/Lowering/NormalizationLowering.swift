// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN

extension Lowering {
    mutating func lowerSoftmax(_ softmax: Softmax, _ node: Draft.Node) throws(OneDNNError) -> Int {
        let type = draft.type(node.output)
        let dimensions = type.planDimensions
        var source = try value(of: node.inputs[0])
        let axis = softmax.axis < 0 ? softmax.axis + dimensions.count : softmax.axis
        guard softmax.flattensTail, axis < dimensions.count - 1 else {
            let target = add(.arena, layout(source))
            let primitive = try PrimitiveDescription.softmax(layout(source), axis: axis)
            emit(primitive, [(.source, source), (.destination, target)], to: target, "softmax", for: node)
            return target
        }
        let matrix = try TensorLayout([
            dimensions[..<axis].reduce(1, *), dimensions[axis...].reduce(1, *),
        ])
        source = alias(try rowMajor(source, for: node), as: matrix)
        let target = add(.arena, matrix)
        let primitive = try PrimitiveDescription.softmax(matrix, axis: 1)
        emit(primitive, [(.source, source), (.destination, target)], to: target, "softmax", for: node)
        return alias(target, as: try TensorLayout(dimensions))
    }

    mutating func lowerLocalResponseNormalization(
        _ normalization: LocalResponseNormalization, _ node: Draft.Node
    ) throws(OneDNNError) -> Int {
        let source = try value(of: node.inputs[0])
        let dimensions = layout(source).dimensions
        // oneDNN centres the window on the channel, which is impossible for an even size.
        guard normalization.size % 2 == 1, dimensions.count <= 5 else {
            let target = add(.arena, try TensorLayout(dimensions))
            emit(
                .localResponseNormalization(normalization, dimensions), [try rowMajor(source, for: node)], to: target,
                for: node)
            return target
        }
        let target = add(.arena, layout(source))
        let primitive = try PrimitiveDescription.localResponseNormalization(
            layout(source), size: normalization.size, alpha: normalization.alpha, beta: normalization.beta,
            bias: normalization.bias)
        emit(
            primitive, [(.source, source), (.destination, target)], to: target, "local response normalisation",
            for: node)
        return target
    }
}
