// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Attention and related operators, from opset 23 and ONNX Runtime.

extension ImportedNode {
    /// `Attention` of opset 23: softmax(Q Kᵀ scale + mask) V.
    mutating func attention() throws(ONNXImportError) -> Lowered {
        let (queryHeads, keyHeads) = (try integer("q_num_heads"), try integer("kv_num_heads"))
        let (query, key, value) = (try shape(0), try shape(1), try shape(2))
        for shape in [query, key, value] { try require(shape.rank == 3 || shape.rank == 4, "operand \(shape)") }
        let isCausal = try flag("is_causal")
        let softcap = try float("softcap") ?? 0
        ignore("softmax_precision")
        try require(try integer("qk_matmul_output_mode") ?? 0 == 0, .unsupported, "qk_matmul_output_mode")
        try require((4...6).allSatisfy { operand($0) == nil }, .unsupported, "a past of keys and values")
        let scale = try float("scale")
        let heads = queryHeads ?? (query.rank == 4 ? query[1] : 0)
        let others = keyHeads ?? (key.rank == 4 ? key[1] : 0)
        try require(heads > 0 && others > 0 && heads % others == 0, "\(heads) heads of queries, \(others) of keys")
        let width = query.rank == 4 ? query[3] : query[2] / heads
        let (count, keys) = (query[query.rank - 2], key[key.rank - 2])
        // Positions before and after its own that a query attends; nil for all of them.
        let before = opset >= 25 ? try bound("left_window_size") : nil
        let stated = opset >= 25 ? try bound("right_window_size") : nil
        let after = isCausal ? 0 : stated
        let isBounded = before != nil || after != nil
        if isBounded { try requireMatrix(count, keys) }
        return try expansion { (steps) throws(ONNXImportError) in
            func split(_ index: Int, _ shape: Shape, _ heads: Int) throws(ONNXImportError) -> Expansion.Source {
                guard shape.rank == 3 else { return try source(index) }
                let parts = steps.add(
                    .reshape(Reshape([0, shape[1], heads, shape[2] / heads])), try source(index))
                return steps.add(.transpose(Transpose([0, 2, 1, 3])), parts)
            }
            func repeated(_ x: Expansion.Source, _ shape: Shape) throws(ONNXImportError) -> Expansion.Source {
                guard others != heads else { return x }
                let width = shape.rank == 4 ? shape[3] : shape[2] / others
                let spread = steps.add(.unsqueeze(Unsqueeze(axes: [2])), x)
                let ones = try ConstantFolder.shape([1, 1, heads / others, 1, 1])
                let many = steps.add(.multiply, spread, try filled(ones, with: 1))
                return steps.add(.reshape(Reshape([0, heads, keys, width])), many)
            }
            let q = try split(0, query, heads)
            let k = try repeated(try split(1, key, others), key)
            let v = try repeated(try split(2, value, others), value)
            var mask: Expansion.Source?
            if let operand = operand(3) { mask = try additive(operand, &steps) }
            if isBounded {
                let bias = (0..<count * keys).map { (place) -> Float in
                    let distance = place % keys - place / keys
                    let isSeen = distance >= -(before ?? keys + count) && distance <= after ?? keys
                    return isSeen ? 0 : -Float.greatestFiniteMagnitude
                }
                let ahead = Expansion.Source.constant(
                    try ConstantFolder.checked { () throws(TensorError) in try Tensor(bias, shape: [count, keys]) })
                mask = mask.map { steps.add(.add, $0, ahead) } ?? ahead
            }
            let result = steps.attention(
                q, k, v, scale: try number(scale ?? 1 / Float(width).squareRoot()), mask: mask,
                softcap: softcap == 0 ? nil : (try number(softcap), try number(1 / softcap)))
            guard query.rank == 3 else { return result }
            let joined = steps.add(.transpose(Transpose([0, 2, 1, 3])), result)
            let inner = value.rank == 3 ? value[2] / others * heads : value[3] * heads
            return steps.add(.reshape(Reshape([0, count, inner])), joined)
        }
    }

    /// A bound of a window; `nil` for -1, which is none.
    private mutating func bound(_ name: String) throws(ONNXImportError) -> Int? {
        let value = try integer(name) ?? -1
        try require((-1...1 << 30).contains(value), .malformed, "attribute '\(name)' is \(value)")
        return value < 0 ? nil : value
    }

    /// A mask as an addend: for booleans, 0 for true and the smallest number for false.
    private func additive(
        _ operand: Operand, _ steps: inout Expansion
    ) throws(ONNXImportError) -> Expansion.Source {
        guard operand.isInteger || operand.constant?.tensor.element == .boolean else { return .value(operand.name) }
        let holds = steps.add(.subtract, .value(operand.name), try number(1))
        return steps.add(.multiply, holds, try number(Float.greatestFiniteMagnitude))
    }

    /// `MultiHeadAttention` of ONNX Runtime: packed queries, keys and values, `[batch, length, width]`.
    mutating func multiHeadAttention() throws(ONNXImportError) -> Lowered {
        guard let heads = try integer("num_heads") else {
            throw failure(.malformed, "attribute 'num_heads' is missing")
        }
        let scale = try float("scale") ?? 0
        ignore("mask_filter_value")
        ignore("unidirectional")
        let (query, key, value) = (try shape(0), try shape(1), try shape(2))
        try require([query, key, value].allSatisfy { $0.rank == 3 }, .unsupported, "queries \(query), keys \(key)")
        try require(operand(4) == nil && operand(6) == nil && operand(7) == nil, .unsupported, "a mask or a past")
        try require((1...1 << 16).contains(heads), "\(heads) heads")
        let width = query[2] / heads
        return try expansion { (steps) throws(ONNXImportError) in
            var offset = 0
            func split(_ index: Int, _ shape: Shape) throws(ONNXImportError) -> Expansion.Source {
                var x = try source(index)
                if operand(3) != nil {
                    let part = Slice(starts: [offset], ends: [offset + shape[2]], axes: [0], steps: [1])
                    x = steps.add(.add, x, steps.add(.slice(part), try source(3)))
                    offset += shape[2]
                }
                let parts = steps.add(.reshape(Reshape([0, shape[1], heads, shape[2] / heads])), x)
                return steps.add(.transpose(Transpose([0, 2, 1, 3])), parts)
            }
            let (q, k, v) = (try split(0, query), try split(1, key), try split(2, value))
            let result = steps.attention(
                q, k, v, scale: try number(scale == 0 ? 1 / Float(width).squareRoot() : scale),
                mask: operand(5) == nil ? nil : try source(5))
            let joined = steps.add(.transpose(Transpose([0, 2, 1, 3])), result)
            return steps.add(.reshape(Reshape([0, query[1], value[2]])), joined)
        }
    }

    /// `Attention` of ONNX Runtime: it includes the projections to queries, keys and values.
    mutating func packedAttention() throws(ONNXImportError) -> Lowered {
        guard let heads = try integer("num_heads") else {
            throw failure(.malformed, "attribute 'num_heads' is missing")
        }
        let scale = try float("scale") ?? 0
        ignore("mask_filter_value")
        try require(!(try flag("unidirectional")), .unsupported, "unidirectional attention")
        let (x, weights) = (try shape(0), try shape(1))
        try require(
            x.rank == 3 && weights.rank == 2 && weights[1] % 3 == 0, .unsupported, "input \(x), weights \(weights)")
        try require(operand(3) == nil && operand(4) == nil, .unsupported, "a mask or a past")
        if let sizes = try integers("qkv_hidden_sizes") {
            try require(Set(sizes).count == 1, .unsupported, "qkv_hidden_sizes \(sizes)")
        }
        let inner = weights[1] / 3
        try require((1...1 << 16).contains(heads), "\(heads) heads")
        let width = inner / heads
        return try expansion { (steps) throws(ONNXImportError) in
            var all = steps.add(.matMul(MatMul()), try source(0), try source(1))
            if operand(2) != nil { all = steps.add(.add, all, try source(2)) }
            let parts = (0..<3).map { part -> Expansion.Source in
                let slice = Slice(starts: [part * inner], ends: [(part + 1) * inner], axes: [2], steps: [1])
                let rows = steps.add(.reshape(Reshape([0, x[1], heads, width])), steps.add(.slice(slice), all))
                return steps.add(.transpose(Transpose([0, 2, 1, 3])), rows)
            }
            let result = steps.attention(
                parts[0], parts[1], parts[2], scale: try number(scale == 0 ? 1 / Float(width).squareRoot() : scale),
                mask: operand(5) == nil ? nil : try source(5))
            let joined = steps.add(.transpose(Transpose([0, 2, 1, 3])), result)
            return steps.add(.reshape(Reshape([0, x[1], inner])), joined)
        }
    }

    /// Cosines or sines, `[batch, length, half]`; with positions, the rows of a table.
    private mutating func angles(_ index: Int) throws(ONNXImportError) -> Expansion.Source {
        guard operand(3) != nil else { return try source(index) }
        let (table, positions) = (try known(index, "the table of angles"), try known(3, "position_ids"))
        try require(table.shape.rank == 2 && positions.shape.rank == 2, "a table \(table.shape) of angles")
        let gathering = Gathering(
            data: table, axis: 0, indices: positions.integers().map(Int.init), indexShape: positions.shape)
        return .constant(try ConstantFolder.gather(gathering, budget: &budget))
    }

    /// Rotates pairs of elements by angles whose cosines and sines are given.
    mutating func rotaryEmbedding() throws(ONNXImportError) -> Lowered {
        let shape = try shape(0)
        let interleaved = try flag("interleaved")
        let heads = try integer("num_heads") ?? 0
        let rotated = try integer("rotary_embedding_dim") ?? 0
        try require(shape.rank == 4 || (shape.rank == 3 && heads > 0), .unsupported, "input \(shape)")
        let width = shape.rank == 4 ? shape[3] : shape[2] / heads
        let turned = rotated == 0 ? width : rotated
        try require(
            (1...max(width, 1)).contains(turned) && turned % 2 == 0, "rotary_embedding_dim \(rotated) of \(width)")
        let half = turned / 2
        let (cosines, sines) = (try angles(1), try angles(2))
        return try expansion { (steps) throws(ONNXImportError) in
            var x = try source(0)
            if shape.rank == 3 {
                x = steps.add(
                    .transpose(Transpose([0, 2, 1, 3])), steps.add(.reshape(Reshape([0, shape[1], heads, width])), x))
            }
            func part(_ index: Int) -> Expansion.Source {
                let slice =
                    interleaved
                    ? Slice(starts: [index], ends: [turned], axes: [3], steps: [2])
                    : Slice(starts: [index * half], ends: [(index + 1) * half], axes: [3], steps: [1])
                return steps.add(.slice(slice), x)
            }
            let (real, imaginary) = (part(0), part(1))
            // The same for every head.
            let cosine = steps.add(.unsqueeze(Unsqueeze(axes: [1])), cosines)
            let sine = steps.add(.unsqueeze(Unsqueeze(axes: [1])), sines)
            let first = steps.add(
                .subtract, steps.add(.multiply, real, cosine), steps.add(.multiply, imaginary, sine))
            let second = steps.add(
                .add, steps.add(.multiply, real, sine), steps.add(.multiply, imaginary, cosine))
            var result: Expansion.Source
            if interleaved {
                let pair = [first, second].map { steps.add(.unsqueeze(Unsqueeze(axes: [4])), $0) }
                let length = shape.rank == 4 ? shape[2] : shape[1]
                let count = shape.rank == 4 ? shape[1] : heads
                result = steps.add(
                    .reshape(Reshape([0, count, length, turned])), steps.add(.concat(Concat(axis: 4)), pair))
            } else {
                result = steps.add(.concat(Concat(axis: 3)), [first, second])
            }
            if turned < width {
                let rest = steps.add(.slice(Slice(starts: [turned], ends: [width], axes: [3], steps: [1])), x)
                result = steps.add(.concat(Concat(axis: 3)), result, rest)
            }
            guard shape.rank == 3 else { return result }
            result = steps.add(.transpose(Transpose([0, 2, 1, 3])), result)
            return steps.add(.reshape(Reshape([0, shape[1], shape[2]])), result)
        }
    }
}

extension Expansion {
    /// softmax(q kᵀ scale + mask) v, of `[batch, heads, length, width]`.
    mutating func attention(
        _ q: Source, _ k: Source, _ v: Source, scale: Source, mask: Source?, softcap: (Source, Source)? = nil
    ) -> Source {
        let keys = add(.transpose(Transpose([0, 1, 3, 2])), k)
        var scores = add(.multiply, add(.matMul(MatMul()), q, keys), scale)
        if let softcap { scores = add(.multiply, add(.tanh, add(.multiply, scores, softcap.1)), softcap.0) }
        if let mask { scores = add(.add, scores, mask) }
        return add(.matMul(MatMul()), add(.softmax(Softmax(axis: -1)), scores), v)
    }
}
