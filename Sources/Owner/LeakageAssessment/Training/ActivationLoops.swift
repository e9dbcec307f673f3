// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import OneDNN

/// Element-wise and upsampling steps between convolutions, forward and backward, on channels-last buffers.
enum ActivationLoops {
    /// x < 0 ? exp(x) - 1 : x, in place.
    ///
    /// - Source: Clevert, Unterthiner, Hochreiter 2016.
    static func elu(_ buffer: TrainingBuffer) {
        buffer.withValues { values in
            for index in values.indices where values[index] < 0 { values[index] = expm1(values[index]) }
        }
    }

    /// Multiplies a gradient by the derivative of ``elu(_:)``, which is 1 + result for negative results.
    static func eluGradient(_ gradient: TrainingBuffer, result: TrainingBuffer) {
        result.withValues { result in
            gradient.withValues { gradient in
                for index in gradient.indices where result[index] < 0 { gradient[index] *= 1 + result[index] }
            }
        }
    }

    /// max(x, 0), in place, with dropout of a half: a value is 0 or twice itself by one bit each.
    ///
    /// - Parameter dropout: `nil` for no dropout.
    /// - Source: Srivastava and others 2014 (dropout).
    static func rectify(_ buffer: TrainingBuffer, dropout: inout SeededGenerator?) {
        buffer.withValues { values in
            guard dropout != nil else {
                for index in values.indices { values[index] = max(values[index], 0) }
                return
            }
            var bits: UInt64 = 0
            for index in values.indices {
                if index % 64 == 0 { bits = dropout?.next() ?? 0 }
                values[index] = bits & 1 == 0 ? 0 : 2 * max(values[index], 0)
                bits >>= 1
            }
        }
    }

    /// Multiplies a gradient by the derivative of ``rectify(_:dropout:)`` with dropout.
    static func rectifyGradient(_ gradient: TrainingBuffer, result: TrainingBuffer) {
        result.withValues { result in
            gradient.withValues { gradient in
                for index in gradient.indices { gradient[index] = result[index] > 0 ? 2 * gradient[index] : 0 }
            }
        }
    }

    /// Nearest-neighbour upsampling: every position becomes a block.
    static func upsample(_ source: TrainingBuffer, to target: TrainingBuffer) {
        forEachPosition(source, target) { source, start, target, position, channels in
            for channel in 0..<channels { target[position + channel] = source[start + channel] }
        }
    }

    /// The gradient of ``upsample(_:to:)``: sums over blocks.
    static func upsampleGradient(_ target: TrainingBuffer, to source: TrainingBuffer) {
        source.withValues { $0.update(repeating: 0) }
        forEachPosition(source, target) { source, start, target, position, channels in
            for channel in 0..<channels { source[start + channel] += target[position + channel] }
        }
    }

    private static func forEachPosition(
        _ source: TrainingBuffer, _ target: TrainingBuffer,
        _ body: (UnsafeMutableBufferPointer<Float>, Int, UnsafeMutableBufferPointer<Float>, Int, Int) -> Void
    ) {
        let (small, large) = (source.layout.dimensions, target.layout.dimensions)
        let (rows, columns) = (large[2] / small[2], large[3] / small[3])
        source.withValues { source in
            target.withValues { target in
                for picture in 0..<large[0] {
                    for y in 0..<large[2] {
                        for x in 0..<large[3] {
                            let from = ((picture * small[2] + y / rows) * small[3] + x / columns) * small[1]
                            body(source, from, target, ((picture * large[2] + y) * large[3] + x) * large[1], large[1])
                        }
                    }
                }
            }
        }
    }
}
