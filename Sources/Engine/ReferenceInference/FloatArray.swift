// SPDX-License-Identifier: Apache-2.0
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

    /// Elements of one channel of one image.
    let planeCount: Int
}

extension Shape {
    /// The indices of the element at `position` in row-major order.
    func indices(of position: Int) -> [Int] {
        var rest = position
        var indices = dimensions
        for axis in dimensions.indices.reversed() {
            indices[axis] = rest % dimensions[axis]
            rest /= dimensions[axis]
        }
        return indices
    }

    /// The row-major position of the element with these indices. An extent of 1 matches any index (broadcasting).
    func position(of indices: some Collection<Int>) -> Int {
        zip(dimensions, indices).reduce(0) { $0 * $1.0 + ($1.0 == 1 ? 0 : $1.1) }
    }
}
