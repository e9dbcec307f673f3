// SPDX-License-Identifier: Apache-2.0
import Glibc
import ModelGraph
import OneDNN

extension Loop {
    static func maximumPooling(_ pooling: BlockedMaximumPooling) -> Loop {
        Loop(name: "maximum pooling") { sources, destination in
            pooling.run(
                sources[0].assumingMemoryBound(to: Float.self), to: destination.assumingMemoryBound(to: Float.self))
        }
    }

    /// Pooling of a row-major float32 tensor, for windows that oneDNN does not support.
    static func pooling(_ pooling: Pooling, _ shape: [Int], _ result: [Int]) -> Loop {
        let window = pooling.window
        let (extents, spatial) = (Array(shape.dropFirst(2)), Array(result.dropFirst(2)))
        let planes = shape[0] * shape[1]
        let (planeSize, resultSize) = (extents.reduce(1, *), spatial.reduce(1, *))
        let strides = TensorLayout.rowMajorStrides(extents)
        let resultStrides = TensorLayout.rowMajorStrides(spatial)
        let kernelStrides = TensorLayout.rowMajorStrides(window.kernel)
        let taps = window.kernel.reduce(1, *)
        return Loop(name: "pooling") { sources, destination in
            let source = sources[0].assumingMemoryBound(to: Float.self)
            let target = destination.assumingMemoryBound(to: Float.self)
            for plane in 0..<planes {
                for place in 0..<resultSize {
                    var (maximum, sum, inside, padded) = (-Float.infinity, Float(0), 0, 0)
                    for tap in 0..<taps {
                        var (offset, isInside, isPadded) = (plane * planeSize, true, true)
                        for axis in extents.indices {
                            let position =
                                place / resultStrides[axis] % spatial[axis] * window.strides[axis]
                                + tap / kernelStrides[axis] % window.kernel[axis] * window.dilations[axis]
                                - window.padBefore(axis)
                            isInside = isInside && (0..<extents[axis]).contains(position)
                            isPadded = isPadded && position < extents[axis] + window.padAfter(axis)
                            offset += position * strides[axis]
                        }
                        if isPadded { padded += 1 }
                        guard isInside else { continue }
                        inside += 1
                        maximum = max(maximum, source[offset])
                        sum += source[offset]
                    }
                    target[plane * resultSize + place] =
                        switch pooling.kind {
                        case .maximum: maximum
                        case .average: sum / Float(inside)
                        case .averageWithPadding: sum / Float(padded)
                        }
                }
            }
        }
    }

    /// Local response normalisation of a row-major float32 tensor, for windows of even size.
    static func localResponseNormalization(_ normalization: LocalResponseNormalization, _ shape: [Int]) -> Loop {
        let (channels, planeSize) = (shape[1], shape.dropFirst(2).reduce(1, *))
        let (below, above) = ((normalization.size - 1) / 2, normalization.size / 2)
        return Loop(name: "local response normalisation") { sources, destination in
            let source = sources[0].assumingMemoryBound(to: Float.self)
            let target = destination.assumingMemoryBound(to: Float.self)
            for image in 0..<shape[0] {
                for channel in 0..<channels {
                    for place in 0..<planeSize {
                        var sum: Float = 0
                        for other in max(0, channel - below)...min(channels - 1, channel + above) {
                            let value = source[(image * channels + other) * planeSize + place]
                            sum += value * value
                        }
                        let index = (image * channels + channel) * planeSize + place
                        let base = normalization.bias + normalization.alpha / Float(normalization.size) * sum
                        target[index] = source[index] / powf(base, normalization.beta)
                    }
                }
            }
        }
    }
}
