// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// The assignment of scales and zero points to elements: `outer` times, each of the `count` parameters in turn applies
/// to the next `inner` elements.
struct QuantizationGrid: Sendable {
    let outer: Int
    let count: Int
    let inner: Int

    init(_ shape: Shape, _ parameters: Shape, axis: Int) {
        guard parameters.elementCount > 1 else {
            (outer, count, inner) = (1, 1, shape.elementCount)
            return
        }
        let axis = axis < 0 ? axis + shape.rank : axis
        outer = shape.dimensions[..<axis].reduce(1, *)
        count = parameters.elementCount
        inner = shape.dimensions[(axis + 1)...].reduce(1, *)
    }
}

extension Loop {
    /// QuantizeLinear. Sources: float32 values, float32 scales, zero points of the result's type. Rounds halves to even
    /// and saturates.
    static func quantize<Level: FixedWidthInteger & Sendable>(_: Level.Type, _ grid: QuantizationGrid) -> Loop {
        let (lowest, highest) = (Float(Level.min), Float(Level.max))
        return Loop(name: "quantize") { sources, destination in
            let source = sources[0].assumingMemoryBound(to: Float.self)
            let scales = sources[1].assumingMemoryBound(to: Float.self)
            let zeros = sources[2].assumingMemoryBound(to: Level.self)
            let target = destination.assumingMemoryBound(to: Level.self)
            var position = 0
            for _ in 0..<grid.outer {
                for parameter in 0..<grid.count {
                    let (scale, zero) = (scales[parameter], Float(zeros[parameter]))
                    for index in position..<position + grid.inner {
                        let level = (source[index] / scale).rounded(.toNearestOrEven) + zero
                        // A NaN becomes the lowest level.
                        target[index] = Level(level > lowest ? (level < highest ? level : highest) : lowest)
                    }
                    position += grid.inner
                }
            }
        }
    }

    /// DequantizeLinear. Sources: integers, float32 scales, zero points of the integers' type.
    static func dequantize<Level: FixedWidthInteger & Sendable>(_: Level.Type, _ grid: QuantizationGrid) -> Loop {
        Loop(name: "dequantize") { sources, destination in
            let source = sources[0].assumingMemoryBound(to: Level.self)
            let scales = sources[1].assumingMemoryBound(to: Float.self)
            let zeros = sources[2].assumingMemoryBound(to: Level.self)
            let target = destination.assumingMemoryBound(to: Float.self)
            var position = 0
            for _ in 0..<grid.outer {
                for parameter in 0..<grid.count {
                    let (scale, zero) = (scales[parameter], Int(zeros[parameter]))
                    for index in position..<position + grid.inner {
                        target[index] = Float(Int(source[index]) - zero) * scale
                    }
                    position += grid.inner
                }
            }
        }
    }
}
