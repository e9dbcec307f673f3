// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

extension Lowering {
    mutating func lowerConcat(_ concat: Concat, _ node: Draft.Node) throws(OneDNNError) -> Int {
        let type = draft.type(node.output)
        let axis = concat.axis < 0 ? concat.axis + type.shape.rank : concat.axis
        let names = node.inputs.filter { draft.type($0).shape.elementCount > 0 }
        var parts: [Int] = []
        let format = quantization?.stored[node.output]
        for name in names { parts.append(try format == nil ? unscaledValue(of: name) : storedValue(of: name)) }
        if axis == 1, format == nil, let target = try joinedInPlace(parts, type, node) { return target }
        guard type.element == .float32 else {
            let target = try add(.arena, type)
            emit(.concat(names.map(draft.shape), axis: axis, type), parts, to: target, for: node)
            return target
        }
        let dimensions = type.shape.dimensions
        let isChannelsLast = dimensions.count >= 3 && parts.contains { !layout($0).isRowMajor }
        // The result is bfloat16 only if all parts are.
        let isReduced = isChannelsLast && parts.allSatisfy { layout($0).element == .bfloat16 }
        let element = format?.element ?? (isReduced ? .bfloat16 : .float32)
        for index in parts.indices {
            let shape = layout(parts[index]).dimensions
            let target =
                isChannelsLast
                ? try TensorLayout.channelsLast(shape, element: element)
                : try TensorLayout(shape, element: element)
            parts[index] = try converted(parts[index], to: target, scale: format?.scale ?? 1, for: node)
        }
        let target = add(
            .arena,
            isChannelsLast
                ? try .channelsLast(dimensions, element: element) : try TensorLayout(dimensions, element: element))
        values[target].scale = format?.scale ?? 1
        let primitive = try PrimitiveDescription.concat(
            parts.map { layout($0) }, axis: axis, destination: layout(target))
        emit(
            primitive, parts.enumerated().map { (.part($0), $1) } + [(.destination, target)], to: target, "concat",
            for: node)
        return target
    }

    mutating func lowerTranspose(_ transpose: Transpose, _ node: Draft.Node) throws(OneDNNError) -> Int {
        let source = try value(of: node.inputs[0])
        let type = draft.type(node.output)
        let inputShape = draft.shape(node.inputs[0])
        guard let sourceLayout = values[source].layout else {
            let target = try add(.arena, type)
            let strides = TensorLayout.rowMajorStrides(inputShape)
            emit(
                .gather(type, offset: 0, strides: transpose.permutation.map { strides[$0] }), [source], to: target,
                for: node)
            return target
        }
        let strided = sourceLayout.strides == nil ? try rowMajor(source, for: node) : source
        return try permuted(strided, transpose.permutation, type, node)
    }

    private mutating func permuted(
        _ source: Int, _ permutation: [Int], _ type: TensorType, _ node: Draft.Node
    ) throws(OneDNNError) -> Int {
        guard let strides = layout(source).strides, !permutation.isEmpty else { return source }
        let view = alias(
            source, as: try TensorLayout(type.planDimensions, strides: permutation.map { strides[$0] }))
        return try copied(view, to: try TensorLayout(type.planDimensions), for: node)
    }

    mutating func lowerSlice(_ slice: Slice, _ node: Draft.Node) throws(OneDNNError) -> Int {
        var source = try value(of: node.inputs[0])
        let type = draft.type(node.output)
        let shape = draft.type(node.inputs[0]).shape
        guard let ranges = try? slice.ranges(of: shape), !ranges.isEmpty else { return source }
        // oneDNN rejects strides whose last step would leave the row.
        let staysInside = ranges.enumerated().allSatisfy { axis, range in
            range.step == 1 || (range.step > 0 && range.count * range.step <= shape[axis])
        }
        guard values[source].layout != nil, staysInside else {
            source = try rowMajor(source, for: node)
            let strides = shape.strides
            let target = try add(.arena, type)
            emit(
                .gather(
                    type, offset: zip(ranges, strides).reduce(0) { $0 + $1.0.start * $1.1 },
                    strides: zip(ranges, strides).map { $0.0.step * $0.1 }),
                [source], to: target, for: node)
            return target
        }
        let wantsChannelsLast = shape.rank >= 3 && !layout(source).isRowMajor && layout(source).isChannelsLast
        if !wantsChannelsLast { source = try rowMajor(source, for: node) }
        guard let part = try layout(source).part(ranges) else { return source }
        let view = add(.within(source, byteOffset: part.byteOffset), part.layout)
        return try copied(
            view,
            to: wantsChannelsLast ? try .channelsLast(type.shape.dimensions) : try TensorLayout(type.planDimensions),
            for: node)
    }

    mutating func lowerPad(_ pad: Pad, _ node: Draft.Node) throws(OneDNNError) -> Int {
        var source = try value(of: node.inputs[0])
        let type = draft.type(node.output)
        let shape = draft.shape(node.inputs[0])
        let rank = shape.count
        guard pad.mode == .constant, pad.pads.allSatisfy({ $0 >= 0 }), rank > 0, !shape.contains(0) else {
            let target = try add(.arena, type)
            emit(.pad(pad, shape, type.shape.dimensions), [try rowMajor(source, for: node)], to: target, for: node)
            return target
        }
        let isChannelsLast = rank >= 3 && !layout(source).isRowMajor && layout(source).isChannelsLast
        if !isChannelsLast { source = try rowMajor(source, for: node) }
        let target = add(
            .arena, isChannelsLast ? try .channelsLast(type.shape.dimensions) : try TensorLayout(type.planDimensions))
        emit(.fill(pad.value, count: type.shape.elementCount), [], to: target, for: node)
        let inside = (0..<rank).map { (start: pad.pads[$0], step: 1, count: shape[$0]) }
        guard let part = try layout(target).part(inside) else { return target }
        try emitReorder(source, add(.within(target, byteOffset: part.byteOffset), part.layout), for: node)
        return target
    }
}
