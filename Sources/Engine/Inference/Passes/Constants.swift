// SPDX-License-Identifier: Apache-2.0
import Tensors

/// New float32 constants, in memory of the plan's allocator of weights.
enum Constants {
    /// A tensor whose element at index i, in row-major order, is `element(i)`.
    static func make(_ shape: Shape, _ options: PlanOptions, _ element: (Int) -> Float) -> Tensor {
        Tensor(type: TensorType(.float32, shape), allocator: options.allocatorOfWeights) { bytes in
            let elements = bytes.bindMemory(to: Float.self)
            for index in 0..<shape.elementCount { elements[index] = element(index) }
        }
    }

    static func scaled(_ tensor: Tensor, by scale: Float, _ options: PlanOptions) -> Tensor {
        tensor.withElements(as: Float.self) { elements in make(tensor.shape, options) { elements[$0] * scale } }
    }

    /// A vector `[count]`: the elements of `tensor`, or its only element repeated, each times `scale`.
    static func repeated(
        _ tensor: Tensor, to count: Int, scale: Float, _ options: PlanOptions
    ) throws(InferenceError) -> Tensor {
        let shape: Shape
        do throws(TensorError) { shape = try Shape([count]) } catch {
            throw InferenceError(.unsupported, error.message)
        }
        return tensor.withElements(as: Float.self) { elements in
            make(shape, options) { elements[elements.count == 1 ? 0 : $0] * scale }
        }
    }
}

/// Numbers that a pass computes from constants, in double precision, in memory of the plan's allocator of weights.
struct Factors {
    private let storage: TensorStorage
    let count: Int

    init(_ count: Int, _ options: PlanOptions, _ factor: (Int) -> Double) {
        storage = options.allocatorOfWeights.allocate(byteCount: count * MemoryLayout<Double>.stride)
        self.count = count
        let elements = storage.mutableBytes.bindMemory(to: Double.self)
        for index in 0..<count { elements[index] = factor(index) }
    }

    subscript(index: Int) -> Double {
        precondition(index >= 0 && index < count, "factor \(index) of \(count)")
        return storage.bytes.load(fromByteOffset: index * MemoryLayout<Double>.stride, as: Double.self)
    }
}

extension Tensor {
    /// An element of a float32 tensor.
    func float(_ index: Int) -> Float { withElements(as: Float.self) { $0[index] } }
}
