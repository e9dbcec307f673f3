import Tensors

extension Tensor {
    /// Whether no element is infinite or not a number. Reads every element, whatever it finds.
    var isFinite: Bool {
        guard element == .float32 else { return true }
        return withElements(as: UInt32.self) { bits in
            var worst: UInt32 = 0
            for value in bits { worst = max(worst, value & 0x7F80_0000) }
            return worst < 0x7F80_0000
        }
    }

    /// Pixels as the network takes them.
    ///
    /// - Parameter allocator: Where the result is kept.
    /// - Returns: float32 in the same shape, (pixel - mean) / deviation by channel; float32 tensors as they are.
    func normalized(by normalization: PixelNormalization, allocator: StorageAllocator) -> Tensor {
        guard element == .uint8 else { return self }
        let channels = normalization.mean.count
        let plane = channels == 0 ? 0 : shape.elementCount / channels
        return withElements(as: UInt8.self) { pixels in
            Tensor(type: TensorType(.float32, shape), allocator: allocator) { target in
                let values = target.bindMemory(to: Float.self)
                for channel in 0..<channels {
                    let (mean, deviation) = (normalization.mean[channel], normalization.std[channel])
                    for index in channel * plane..<(channel + 1) * plane {
                        values[index] = (Float(pixels[index]) - mean) / deviation
                    }
                }
            }
        }
    }
}
