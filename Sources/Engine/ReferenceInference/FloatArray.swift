import Tensors

/// Values of a float32 tensor with its shape.
struct FloatArray {
    let values: [Float]
    let shape: Shape

    init(_ tensor: Tensor) throws(TensorError) {
        values = try tensor.floats()
        shape = tensor.shape
        planeCount = shape.dimensions.dropFirst(2).reduce(1, *)
    }

    /// Elements of one image's one channel.
    let planeCount: Int
}

extension Shape {
    /// The index along each dimension of the element that is number `position` in row-major order.
    func indices(of position: Int) -> [Int] {
        var rest = position
        var indices = dimensions
        for axis in dimensions.indices.reversed() {
            indices[axis] = rest % dimensions[axis]
            rest /= dimensions[axis]
        }
        return indices
    }

    /// The row-major position of the element with these indices; an extent of 1 stands for any index.
    func position(of indices: some Collection<Int>) -> Int {
        zip(dimensions, indices).reduce(0) { $0 * $1.0 + ($1.0 == 1 ? 0 : $1.1) }
    }
}
