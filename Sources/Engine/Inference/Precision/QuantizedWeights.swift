// SPDX-License-Identifier: Apache-2.0
import OneDNN
import Tensors

/// Weights as 8-bit integers with one scale for each output channel (axis 0).
struct QuantizedWeights {
    /// int8, -127 to 127, in the shape of the weights.
    let tensor: Tensor
    /// The value of one integer step, per channel. It is in ordinary memory, because oneDNN has fast code only for
    /// convolutions whose scales it copies to its own memory.
    let scales: [Float]

    init?(_ weights: Tensor, _ options: PlanOptions) {
        let channels = weights.shape.dimensions.first ?? 0
        guard weights.element == .float32, channels > 0 else { return nil }
        let perChannel = weights.shape.elementCount / channels
        var scales = [Float](repeating: 1, count: channels)
        tensor = weights.withElements(as: Float.self) { elements in
            Tensor(type: TensorType(.int8, weights.shape), allocator: options.allocatorOfWeights) { bytes in
                let integers = bytes.bindMemory(to: Int8.self)
                for channel in 0..<channels {
                    let range = channel * perChannel..<(channel + 1) * perChannel
                    let largest = range.reduce(Float(0)) { max($0, abs(elements[$1])) }
                    if largest.isNormal { scales[channel] = largest / 127 }
                    for index in range {
                        let quotient = (elements[index] / scales[channel]).rounded(.toNearestOrEven)
                        integers[index] = Int8(min(max(quotient, -127), 127))
                    }
                }
            }
        }
        self.scales = scales
        guard scales.allSatisfy(\.isFinite) else { return nil }
    }
}
