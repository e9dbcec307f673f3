// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

extension Loop {
    /// Copies elements of any type to row-major order. `offset` and `strides` of the source are in elements. Strides
    /// may be negative.
    static func gather(_ result: TensorType, offset: Int, strides: [Int]) -> Loop {
        let bytes = result.element.byteCount
        let shape = result.shape.dimensions
        return Loop(name: "gather") { sources, destination in
            var walk = Walk(shape)
            var target = destination
            let (inner, step) = (shape.last ?? 1, (strides.last ?? 0) * bytes)
            for _ in 0..<(shape.dropLast().reduce(1, *)) {
                var source = sources[0] + (offset + walk.offset(strides)) * bytes
                for _ in 0..<inner {
                    target.copyMemory(from: source, byteCount: bytes)
                    target += bytes
                    source += step
                }
                walk.advanceRow()
            }
        }
    }

    /// Concatenates row-major tensors of any element type.
    static func concat(_ shapes: [[Int]], axis: Int, _ result: TensorType) -> Loop {
        let rows = shapes.map { $0[axis...].reduce(result.element.byteCount, *) }
        let count = result.shape.dimensions[..<axis].reduce(1, *)
        return Loop(name: "concat") { sources, destination in
            var target = destination
            for index in 0..<count {
                for (source, bytes) in zip(sources, rows) {
                    target.copyMemory(from: source + index * bytes, byteCount: bytes)
                    target += bytes
                }
            }
        }
    }

    /// Sets `count` float32 elements to one value.
    static func fill(_ value: Float, count: Int) -> Loop {
        Loop(name: "fill") { _, destination in
            destination.assumingMemoryBound(to: Float.self).update(repeating: value, count: count)
        }
    }

    /// Pads or crops a row-major float32 tensor.
    static func pad(_ pad: Pad, _ shape: [Int], _ result: [Int]) -> Loop {
        if pad.mode == .constant { return padConstant(pad, shape, result) }
        let strides = TensorLayout.rowMajorStrides(shape)
        let resultStrides = TensorLayout.rowMajorStrides(result)
        return Loop(name: "pad") { sources, destination in
            let source = sources[0].assumingMemoryBound(to: Float.self)
            let target = destination.assumingMemoryBound(to: Float.self)
            for index in 0..<result.reduce(1, *) {
                var offset = 0
                for axis in result.indices {
                    var position = index / resultStrides[axis] % result[axis] - pad.pads[axis]
                    if pad.mode == .edge {
                        position = min(max(position, 0), shape[axis] - 1)
                    } else {
                        if position < 0 { position = -position }
                        if position >= shape[axis] { position = 2 * (shape[axis] - 1) - position }
                    }
                    offset += position * strides[axis]
                }
                target[index] = source[offset]
            }
        }
    }

    /// Fills the result with the constant, and copies the elements that are not cropped, row by row.
    private static func padConstant(_ pad: Pad, _ shape: [Int], _ result: [Int]) -> Loop {
        // Along each axis: the index of the first element that is kept, their number, and their index in the result.
        let first = shape.indices.map { max(0, -pad.pads[$0]) }
        let kept = shape.indices.map { max(0, min(shape[$0], result[$0] - pad.pads[$0]) - first[$0]) }
        let start = shape.indices.map { first[$0] + pad.pads[$0] }
        let (strides, resultStrides) = (TensorLayout.rowMajorStrides(shape), TensorLayout.rowMajorStrides(result))
        func offset(_ position: [Int], _ strides: [Int]) -> Int {
            zip(position, strides).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let (from, to) = (offset(first, strides), offset(start, resultStrides))
        let count = result.reduce(1, *)
        return Loop(name: "pad") { sources, destination in
            let source = sources[0].assumingMemoryBound(to: Float.self) + from
            let target = destination.assumingMemoryBound(to: Float.self)
            target.update(repeating: pad.value, count: count)
            let inner = kept.last ?? 1
            guard kept.allSatisfy({ $0 > 0 }), count > 0 else { return }
            var walk = Walk(kept)
            for _ in 0..<kept.dropLast().reduce(1, *) {
                (target + to + walk.offset(resultStrides)).update(
                    from: source + walk.offset(strides), count: inner)
                walk.advanceRow()
            }
        }
    }
}
