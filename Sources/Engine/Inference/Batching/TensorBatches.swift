// SPDX-License-Identifier: Apache-2.0
package import Tensors

extension Tensor {
    /// A range of a batch's images, which shares the batch's memory.
    package func images(_ range: Range<Int>) throws(InferenceError) -> Tensor {
        let count = shape.dimensions[0]
        let bytes = byteCount / count
        do throws(TensorError) {
            let part = try Shape([range.count] + shape.dimensions.dropFirst())
            return try Tensor(
                type: TensorType(element, part), storage: storage, byteOffset: byteOffset + range.lowerBound * bytes)
        } catch { throw InferenceError(.invalidInputs, error.message) }
    }

    /// Concatenates tensors along the batch axis. A single part is returned without a copy.
    ///
    /// - Parameters:
    ///   - type: The type of a part. Its first extent is replaced by `images`.
    ///   - images: The number of images of all parts.
    package static func joining(
        _ parts: [Tensor], _ type: TensorType, images: Int, _ allocator: StorageAllocator
    ) throws(InferenceError) -> Tensor {
        if parts.count == 1 { return parts[0] }
        do throws(TensorError) {
            let shape = try Shape([images] + type.shape.dimensions.dropFirst())
            return Tensor(type: TensorType(type.element, shape), allocator: allocator) { target in
                var offset = 0
                for part in parts {
                    part.withBytes { bytes in
                        UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + bytes.count])
                            .copyMemory(from: bytes)
                        offset += bytes.count
                    }
                }
            }
        } catch { throw InferenceError(.invalidInputs, error.message) }
    }

    /// Pseudo-random values between -1 and 1. Elements other than float32 are 0, since they may be indices.
    static func probe(_ type: TensorType, seed: UInt32) -> Tensor {
        Tensor(type: type) { bytes in
            guard type.element == .float32 else { return }
            var state = seed &* 0x9E37_79B9 | 1
            for index in bytes.bindMemory(to: Float.self).indices {
                state = state &* 1_664_525 &+ 1_013_904_223
                bytes.bindMemory(to: Float.self)[index] = Float(state >> 8) / Float(1 << 23) - 1
            }
        }
    }

    /// The largest difference of two elements, relative to the largest element of `other`. Infinite if the types
    /// differ, or elements of another type than float32.
    func relativeDifference(to other: Tensor) -> Float {
        guard type == other.type else { return .infinity }
        guard element == .float32 else {
            return withBytes { a in other.withBytes { a.elementsEqual($0) } } ? 0 : .infinity
        }
        return withElements(as: Float.self) { a in
            other.withElements(as: Float.self) { b in
                var (largest, difference): (Float, Float) = (0, 0)
                for (x, y) in zip(a, b) where x != y && !(x.isNaN && y.isNaN) {
                    // A NaN in one of the tensors only counts as an infinite difference.
                    difference = max(difference, abs(x - y).isNaN ? .infinity : abs(x - y))
                }
                for y in b { largest = max(largest, abs(y)) }
                return difference == 0 ? 0 : difference / largest
            }
        }
    }
}
