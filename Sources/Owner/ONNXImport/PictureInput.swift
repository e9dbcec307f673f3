// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// The form in which a file takes an image, compared with the graph's f32 `[batch, channels, height, width]`.
package struct PictureInput: Sendable {
    /// The input's shape in the file.
    package let declared: Shape
    /// Whether the file takes 8-bit pixels or other integers; the model then does its own normalisation.
    package let takesPixels: Bool
    /// The axes of the graph's input that the file has, in the file's order: 0 is the batch, 1 the channels, 2 the
    /// height, 3 the width.
    let axes: [Int]
    /// The file's shape before the axes after the batch were flattened to one; `nil` if they are not flattened.
    let unfolded: Shape?

    /// An input of rows, each of which is a flattened image.
    ///
    /// - Parameter extents: Of one image in the file's order: channels first, or last if the last are 1 or 3 and the
    ///   first are not.
    /// - Returns: `nil` if the extents do not fit.
    init?(_ declared: Shape, takesPixels: Bool, flattened extents: [Int]) throws(ONNXImportError) {
        guard declared.rank == 2, extents.count == 3, extents.allSatisfy({ $0 > 0 }),
            extents.reduce(1, { $0.multipliedClamping(by: $1) }) == declared[1]
        else { return nil }
        let unfolded = try ConstantFolder.shape([declared[0]] + extents)
        guard let form = PictureInput(unfolded, takesPixels: takesPixels) else { return nil }
        self.declared = declared
        self.takesPixels = takesPixels
        self.axes = form.axes
        self.unfolded = unfolded
    }

    /// - Returns: `nil` for a shape that is no image.
    init?(_ declared: Shape, takesPixels: Bool) {
        unfolded = nil
        let extents = declared.dimensions
        func isChannels(_ extent: Int) -> Bool { extent == 1 || extent == 3 }
        switch extents.count {
        case 4: axes = isChannels(extents[3]) && !isChannels(extents[1]) ? [0, 2, 3, 1] : [0, 1, 2, 3]
        case 3:
            if isChannels(extents[0]) && !(extents[0] == 1 && extents[2] == 3) {
                axes = [1, 2, 3]
            } else if isChannels(extents[2]) {
                axes = [2, 3, 1]
            } else {
                axes = [0, 2, 3]
            }
        case 2 where extents.allSatisfy({ $0 >= 8 }): axes = [2, 3]
        default: return nil
        }
        self.declared = declared
        self.takesPixels = takesPixels
    }

    /// Whether the file's input has the graph's form.
    var isPlain: Bool { axes == [0, 1, 2, 3] && unfolded == nil }

    /// The shape of the graph's input.
    func shape() throws(ONNXImportError) -> Shape {
        var extents = [1, 1, 1, 1]
        for (extent, axis) in zip((unfolded ?? declared).dimensions, axes) { extents[axis] = extent }
        return try ConstantFolder.shape(extents)
    }

    /// The axes of the graph's input that the file leaves out.
    var missing: [Int] { (0..<4).filter { !axes.contains($0) } }

    /// The order of the file's axes among the graph's axes that it has.
    var permutation: [Int] {
        let present = axes.sorted()
        return axes.map { axis in present.firstIndex(of: axis) ?? 0 }
    }

    /// The graph's input, f32 `[batch, channels, height, width]`, from a tensor in the file's form. A tensor that has
    /// the graph's form already is not changed.
    ///
    /// - Throws: ``ONNXImportError`` for another shape.
    package func tensor(from given: Tensor, for graph: Shape) throws(ONNXImportError) -> Tensor {
        var budget = FoldingBudget()
        budget.grant(given.type)
        let floats = try ConstantFolder.cast(Constant(given), to: .float32, budget: &budget)
        var (extents, rest) = (given.shape.dimensions, Array(graph.dimensions.dropFirst()))
        var declared = declared
        if let unfolded, extents.count == 2, extents[1] == declared[1] {
            extents = [extents[0]] + unfolded.dimensions.dropFirst()
            declared = unfolded
        }
        if extents.count == 4, Array(extents.dropFirst()) == rest, isPlain || extents != declared.dimensions {
            return floats
        }
        let batched = axes.first == 0
        guard extents.count == declared.rank,
            batched ? extents.dropFirst() == declared.dimensions.dropFirst() : extents == declared.dimensions
        else {
            throw ONNXImportError(
                .inputShape, "the tensor is \(given.shape), the model takes \(declared) or \(graph)")
        }
        let strides = try ConstantFolder.shape(extents).strides
        var (shape, order) = ([1, 1, 1, 1], [0, 0, 0, 0])
        for (place, axis) in axes.enumerated() { (shape[axis], order[axis]) = (extents[place], strides[place]) }
        return try ConstantFolder.rearrange(
            floats, to: TensorType(.float32, try ConstantFolder.shape(shape)), from: 0, strides: order, budget: &budget)
    }
}
