// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// The rules by which layers keep the images of a batch apart. At least one operand of the node depends on the images.
struct SeparableNode {
    /// The node for another number of images.
    struct Result {
        var operation: Operation
        /// The place of the images in the node's results.
        var place: ImagePlace
        /// Operands that do not depend on the images, and have a row for each of them.
        var parts: [Part] = []
    }

    struct Part {
        let operand: Int
        let place: ImagePlace
        /// Whether one row would serve all images.
        let broadcasts: Bool
    }

    private let operation: Operation
    private let shapes: [Shape]
    private let places: [ImagePlace?]
    private let result: Shape
    private let batch: Int
    private let images: Int

    init(_ node: Node, _ graph: Graph, _ places: [String: ImagePlace], batch: Int, images: Int) {
        operation = node.operation
        shapes = node.inputs.map { graph.type(of: $0).shape }
        self.places = node.inputs.map { places[$0] }
        result = graph.type(of: node.outputs[0]).shape
        self.batch = batch
        self.images = images
    }

    /// - Throws: ``MixedImages`` unless a rule shows that the images are kept apart.
    func separated() throws(MixedImages) -> Result {
        switch operation {
        case .convolution:
            return try row(unless: { $0.axis != 0 }, "convolves over the axis of the images")
        case .batchNormalization, .localResponseNormalization:
            return try row(unless: { $0.axis == 1 }, "takes the images as channels")
        case .activation, .identity: return try row(unless: { _ in false }, "")
        case .pooling, .globalPooling: return try row(unless: { $0.axis > 1 }, "pools over the axis of the images")
        case .quantizeLinear(let quantization): return try quantized(axis: quantization.axis)
        case .dequantizeLinear(let quantization): return try quantized(axis: quantization.axis)
        case .softmax(let softmax):
            let axis = fromFront(softmax.axis, shapes[0].rank)
            return try row(
                unless: { softmax.flattensTail ? $0.axis >= axis : $0.axis == axis },
                "normalises over the axis of the images")
        case .layerNormalization(let normalization):
            let axis = fromFront(normalization.axis, shapes[0].rank)
            return try row(unless: { $0.axis >= axis }, "normalises over the axis of the images")
        case .reduceMean(let mean): return try reduced(mean)
        case .reduction(let reduction): return try reduced(reduction.extent)
        case .transpose(let transpose):
            let place = try only(0)
            guard let axis = transpose.permutation.firstIndex(of: place.axis) else { throw Self.unknown }
            return Result(operation: operation, place: ImagePlace(axis: axis, inner: place.inner))
        case .pad(let pad):
            let rank = shapes[0].rank
            return try row(
                unless: { pad.pads[$0.axis] != 0 || pad.pads[rank + $0.axis] != 0 }, "pads the axis of the images")
        case .slice(let slice): return try sliced(slice)
        case .concat(let concat): return try concatenated(axis: fromFront(concat.axis, result.rank))
        case .reshape, .flatten, .squeeze, .unsqueeze: return try viewed()
        case .arithmetic: return try combined()
        case .gemm(let gemm): return try multiplied(gemm)
        case .matMul: return try multiplied()
        }
    }

    private static let unknown = MixedImages("is not known to keep the images apart")
    private static let crossing = MixedImages("combines values of different images")

    private func fromFront(_ axis: Int, _ rank: Int) -> Int { axis < 0 ? axis + rank : axis }

    /// The place in operand `index`, if all other operands are the same for every image.
    private func only(_ index: Int) throws(MixedImages) -> ImagePlace {
        guard let place = places[index], places.indices.allSatisfy({ $0 == index || places[$0] == nil }) else {
            throw MixedImages("has parameters that depend on the images")
        }
        return place
    }

    /// A layer on the first operand whose result has the images where the operand has them.
    private func row(unless mixes: (ImagePlace) -> Bool, _ reason: String) throws(MixedImages) -> Result {
        let place = try only(0)
        guard !mixes(place) else { throw MixedImages(reason) }
        return Result(operation: operation, place: place)
    }

    private func quantized(axis: Int) throws(MixedImages) -> Result {
        let (axis, isSingle) = (fromFront(axis, shapes[0].rank), shapes[1].elementCount == 1)
        return try row(unless: { !isSingle && $0.axis == axis }, "has a scale for each image of the batch")
    }

    private func reduced(_ extent: ReduceMean) throws(MixedImages) -> Result {
        let place = try only(0)
        guard let axes = try? extent.resolvedAxes(rank: shapes[0].rank) else { throw Self.unknown }
        guard !axes.contains(place.axis) else { throw MixedImages("reduces the axis of the images") }
        let removed = extent.keepsDimensions ? 0 : axes.count { $0 < place.axis }
        return Result(operation: operation, place: ImagePlace(axis: place.axis - removed, inner: place.inner))
    }

    /// Whole groups of images may be cut out, such as one of two views of each.
    private func sliced(_ slice: Slice) throws(MixedImages) -> Result {
        let place = try only(0)
        guard let range = try? slice.ranges(of: shapes[0])[place.axis] else { throw Self.unknown }
        let group = batch * place.inner
        guard range.step == 1, range.start % group == 0, range.count % group == 0, range.count > 0 else {
            throw MixedImages("takes some images of the batch, or changes their order")
        }
        let others = slice.axes.indices.filter { fromFront(slice.axes[$0], shapes[0].rank) != place.axis }
        var moved = Slice(
            starts: others.map { slice.starts[$0] }, ends: others.map { slice.ends[$0] },
            axes: others.map { slice.axes[$0] }, steps: others.map { slice.steps[$0] })
        if range.count < shapes[0][place.axis] {
            moved.starts.append(range.start / batch * images)
            moved.ends.append((range.start + range.count) / batch * images)
            moved.axes.append(place.axis)
            moved.steps.append(1)
        }
        return Result(operation: moved.axes.isEmpty ? .identity(Identity()) : .slice(moved), place: place)
    }

    /// Along another axis than that of the images, or of whole groups of images.
    private func concatenated(axis: Int) throws(MixedImages) -> Result {
        guard let place = places.lazy.compactMap({ $0 }).first else { throw Self.unknown }
        var result = Result(operation: operation, place: place)
        for (index, other) in places.enumerated() {
            if let other {
                guard other == place else { throw Self.crossing }
            } else {
                guard axis != place.axis else { throw MixedImages("adds rows to the axis of the images") }
                result.parts.append(Part(operand: index, place: place, broadcasts: false))
            }
        }
        return result
    }

    /// A view keeps the order of the elements, in which image i has the elements at positions p with
    /// (p / stride) % batch == i. So the images are in the axis that this stride and the batch fit into.
    private func viewed() throws(MixedImages) -> Result {
        let place = try only(0)
        let (stride, strides) = (shapes[0].strides[place.axis] * place.inner, result.strides)
        let found = result.dimensions.indices.first { axis in
            result[axis] > 1 && strides[axis] > 0 && stride % strides[axis] == 0
                && (strides[axis] * result[axis]) % (stride * batch) == 0
        }
        guard let axis = found else { throw MixedImages("distributes the images over several axes") }
        let moved = ImagePlace(axis: axis, inner: stride / strides[axis])
        var (before, after) = (shapes[0].dimensions, result.dimensions)
        before[place.axis] = before[place.axis] / batch * images
        after[axis] = after[axis] / batch * images
        return Result(operation: view(from: before, to: after, place.axis, axis), place: moved)
    }

    /// The file's operation if it fits this number of images, or else a reshape that leaves the images' axis open.
    private func view(from before: [Int], to after: [Int], _ old: Int, _ new: Int) -> Operation {
        if let shape = try? Shape(before),
            let types = try? operation.attributes.resultTypes(for: [TensorType(.float32, shape)]),
            types[0].shape.dimensions == after
        {
            return operation
        }
        var open = after
        open[new] = old == new && before[old] == after[new] ? 0 : -1
        return .reshape(Reshape(open))
    }

    /// Operands that broadcast.
    private func combined() throws(MixedImages) -> Result {
        let aligned = places.indices.compactMap { index in
            places[index].map { ImagePlace(axis: $0.axis + result.rank - shapes[index].rank, inner: $0.inner) }
        }
        guard let place = aligned.first, aligned.allSatisfy({ $0 == place }) else { throw Self.crossing }
        return Result(operation: operation, place: place, parts: broadcastParts(place))
    }

    /// The operands that do not depend on the images, but have rows for them.
    private func broadcastParts(_ place: ImagePlace) -> [Part] {
        places.indices.compactMap { index in
            let axis = place.axis - (result.rank - shapes[index].rank)
            guard places[index] == nil, axis >= 0, shapes[index][axis] > 1 else { return nil }
            return Part(operand: index, place: ImagePlace(axis: axis, inner: place.inner), broadcasts: true)
        }
    }

    private func multiplied(_ gemm: Gemm) throws(MixedImages) -> Result {
        let place: ImagePlace
        switch (places[0], places[1]) {
        case (let left?, nil) where left.axis == (gemm.transposeA ? 1 : 0):
            place = ImagePlace(axis: 0, inner: left.inner)
        case (nil, let right?) where right.axis == (gemm.transposeB ? 0 : 1):
            place = ImagePlace(axis: 1, inner: right.inner)
        default: throw MixedImages("sums over the axis of the images, or multiplies values of different images")
        }
        var result = Result(operation: operation, place: place)
        guard shapes.count == 3 else { return result }
        if let addend = places[2] {
            let aligned = ImagePlace(axis: addend.axis + 2 - shapes[2].rank, inner: addend.inner)
            guard aligned == place else { throw Self.crossing }
        } else {
            result.parts = broadcastParts(place).filter { $0.operand == 2 }
        }
        return result
    }

    /// The axes of a product, counted from the end of its operands.
    private enum ProductAxis: Hashable {
        case rows
        case columns
        case matrices(fromEnd: Int)
    }

    private func multiplied() throws(MixedImages) -> Result {
        let (a, b) = (shapes[0], shapes[1])
        func axis(_ index: Int) throws(MixedImages) -> ProductAxis? {
            guard let place = places[index] else { return nil }
            let fromEnd = shapes[index].rank - 1 - place.axis
            // The inner dimension is the last one of the first operand, and the last but one of the second.
            guard shapes[index].rank > 1, fromEnd != index else {
                throw MixedImages("sums over the axis of the images")
            }
            return fromEnd > 1 ? .matrices(fromEnd: fromEnd) : index == 0 ? .rows : .columns
        }
        let (left, right) = (try axis(0), try axis(1))
        let isCommon = left == right && places[0]?.inner == places[1]?.inner
        guard let axis = left ?? right, let inner = (places[0] ?? places[1])?.inner,
            left == nil || right == nil || isCommon
        else { throw MixedImages("multiplies values of different images") }
        let fromEnd: Int
        var parts: [Part] = []
        switch axis {
        case .rows: fromEnd = b.rank == 1 ? 0 : 1
        case .columns: fromEnd = 0
        case .matrices(let place):
            fromEnd = place - (a.rank == 1 ? 1 : 0) - (b.rank == 1 ? 1 : 0)
            for index in 0...1 where places[index] == nil && shapes[index].rank > place {
                let axis = shapes[index].rank - 1 - place
                guard shapes[index][axis] > 1 else { continue }
                parts.append(Part(operand: index, place: ImagePlace(axis: axis, inner: inner), broadcasts: true))
            }
        }
        return Result(
            operation: operation, place: ImagePlace(axis: result.rank - 1 - fromEnd, inner: inner), parts: parts)
    }
}
