// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Operators that move elements.

extension ImportedNode {
    mutating func concat() throws(ONNXImportError) -> Lowered {
        guard let axis = try integer("axis") else { throw failure(.malformed, "attribute 'axis' is missing") }
        return .operation(.concat(Concat(axis: axis)), operands: try inputs(1...Int.max))
    }

    /// Ranges are attributes before opset 10, inputs since.
    mutating func slice() throws(ONNXImportError) -> Lowered {
        var (starts, ends, axes, steps): ([Int]?, [Int]?, [Int]?, [Int]?)
        if opset < 10 {
            (starts, ends, axes) = (try integers("starts"), try integers("ends"), try integers("axes"))
        } else {
            (starts, ends) = (try constantIntegers(1, "starts"), try constantIntegers(2, "ends"))
            (axes, steps) = (try constantIntegers(3, "axes"), try constantIntegers(4, "steps"))
        }
        guard let starts, let ends else { throw failure(.invalidGraph, "starts or ends are missing") }
        let slice = Slice(
            starts: try checked(starts), ends: try checked(ends),
            axes: try checked(axes ?? Array(starts.indices)),
            steps: try checked(steps ?? starts.map { _ in 1 }))
        return .operation(.slice(slice), operands: [try input(0)])
    }

    /// Cuts off the same at both ends of an axis, or pads it with zeros; the odd element is at the end.
    mutating func centerCropPad() throws(ONNXImportError) -> Lowered {
        let shape = try shape(0)
        let extents = try constantIntegers(1, "shape") ?? []
        let axes = try resolved(try integers("axes") ?? Array(0..<shape.rank), shape.rank)
        try require(
            extents.count == axes.count && Set(axes).count == axes.count
                && extents.allSatisfy { (1...1 << 24).contains($0) },
            "\(extents.prefix(12)) for axes \(axes.prefix(12))")
        var pads = [Int](repeating: 0, count: 2 * shape.rank)
        for (axis, extent) in zip(axes, extents) {
            let more = extent - shape[axis]
            pads[axis] = more / 2
            pads[shape.rank + axis] = more - more / 2
        }
        return .operation(.pad(Pad(.constant, pads: pads)), operands: [try input(0)])
    }

    /// Pads are attributes before opset 11, inputs since; axes are an optional input since opset 18.
    mutating func pad() throws(ONNXImportError) -> Lowered {
        if try text("mode", keeps: true) == "wrap" { return try wrappedPad() }
        var pad = try padding(shape(0).rank)
        if opset >= 11, let value = try constant(2, "value") {
            try require(value.shape.elementCount == 1, .unsupported, "value is \(value.type), expected one number")
            pad.value = Float(value.numbers()[0])
        }
        return .operation(.pad(pad), operands: [try input(0)])
    }

    /// Pads with elements from the other side, for networks on panoramas.
    private mutating func wrappedPad() throws(ONNXImportError) -> Lowered {
        let shape = try shape(0)
        let pads = try padding(shape.rank, wraps: true).pads
        return try expansion { (steps) throws(ONNXImportError) in
            var x = try source(0)
            for (axis, extent) in shape.dimensions.enumerated() {
                let (before, after) = (pads[axis], pads[shape.rank + axis])
                func part(_ start: Int, _ end: Int) -> Expansion.Source {
                    steps.add(.slice(Slice(starts: [start], ends: [end], axes: [axis], steps: [1])), x)
                }
                // Cropping comes first: cropped elements are not used as padding of the other side.
                let kept = extent + min(before, 0) + min(after, 0)
                try require(max(before, after) <= kept, .unsupported, "pads \(before) and \(after) of \(extent)")
                if kept < extent { x = part(max(-before, 0), extent + min(after, 0)) }
                var parts = [x]
                if before > 0 { parts.insert(part(kept - before, kept), at: 0) }
                if after > 0 { parts.append(part(0, after)) }
                x = parts.count == 1 ? parts[0] : steps.add(.concat(Concat(axis: axis)), parts)
            }
            return steps.steps.isEmpty ? steps.add(.identity(Identity()), x) : x
        }
    }

    /// The attributes of `Pad` for a tensor of this rank; since opset 11 the value is an input.
    ///
    /// - Parameter wraps: Whether the mode is `wrap`, which the caller computes.
    mutating func padding(_ rank: Int, wraps: Bool = false) throws(ONNXImportError) -> Pad {
        let name = try text("mode") ?? "constant"
        let modes: [String: Pad.Mode] = ["constant": .constant, "reflect": .reflect, "edge": .edge]
        guard let mode = wraps ? .constant : modes[name] else {
            throw failure(
                .unsupported, "mode '\(name.prefix(40))' is not supported, only constant, reflect, edge and wrap")
        }
        var (pads, axes): ([Int]?, [Int]?)
        var value: Float = 0
        if opset < 11 {
            pads = try integers("pads")
            value = try float("value") ?? 0
        } else {
            pads = try constantIntegers(1, "pads")
            if opset >= 18 { axes = try constantIntegers(3, "axes") }
        }
        guard var pads else { throw failure(.malformed, "the pads are missing") }
        if let axes {
            try require(pads.count == 2 * axes.count, "\(pads.count) pads for \(axes.count) axes")
            var all = [Int](repeating: 0, count: 2 * rank)
            for (index, axis) in axes.enumerated() {
                try require(axis >= -rank && axis < rank, "axis \(axis) is outside rank \(rank)")
                let position = axis < 0 ? axis + rank : axis
                (all[position], all[rank + position]) = (pads[index], pads[axes.count + index])
            }
            pads = all
        }
        try require(
            pads.count == 2 * rank && pads.allSatisfy { abs(max($0, -Int.max)) <= 1 << 31 },
            "\(pads.count) pads for rank \(rank): \(pads.prefix(24))")
        return Pad(mode, pads: pads, value: value)
    }
}
