// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat
import Tensors

// Tensor sequences, as PyTorch's exporter writes `split`, `chunk` and `stack`. Their length is known at import, so they
// are resolved to names.

extension GraphImporter {
    /// Operators with sequences as inputs or outputs.
    static let sequenceOperators: Set<String> = [
        "ConcatFromSequence", "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert",
        "SequenceLength", "SplitToSequence",
    ]

    mutating func addSequence(_ proto: ONNXNodeProto, _ given: ImportedNode) throws(ONNXImportError) {
        var node = given
        guard let output = proto.output.first, !output.isEmpty else { return }
        switch proto.opType {
        case "SequenceEmpty":
            node.ignore("dtype")
            sequences[output] = []
        case "SequenceConstruct": sequences[output] = proto.input.map { aliases[$0] ?? $0 }
        case "SequenceInsert":
            var list = try list(node)
            let place = try position(2, node, in: list.count + 1) ?? list.count
            list.insert(try node.input(1), at: place)
            sequences[output] = list
        case "SequenceErase":
            var list = try list(node)
            guard let place = try position(1, node, in: list.count) ?? list.indices.last else {
                throw node.failure(.invalidGraph, "the list is empty")
            }
            list.remove(at: place)
            sequences[output] = list
        case "SequenceAt":
            let list = try list(node)
            guard let place = try position(1, node, in: list.count) else {
                throw node.failure(.invalidGraph, "no position is given")
            }
            stand(output, for: list[place])
        case "SequenceLength":
            let count = try list(node).count
            let type = TensorType(.int64, try ConstantFolder.shape([]))
            define(output, Constant(Tensor(type: type) { $0.storeBytes(of: Int64(count), as: Int64.self) }))
        case "ConcatFromSequence":
            let list = try list(node)
            guard let axis = try node.integer("axis") else { throw node.failure(.malformed, "its axis is missing") }
            try join(list, axis: axis, isNew: try node.flag("new_axis"), node, output: output)
        case "SplitToSequence": try split(&node, output: output)
        default: throw node.failure(.unsupported, "it is no operator of lists")
        }
        try node.finish(outputs: 1)
    }

    private func list(_ node: ImportedNode) throws(ONNXImportError) -> [String] {
        guard let list = sequences[try node.input(0)] else {
            throw node.failure(.unsupported, "input '\(try node.input(0))' is no list that is known")
        }
        return list
    }

    private func position(
        _ index: Int, _ node: ImportedNode, in count: Int
    ) throws(ONNXImportError) -> Int? {
        guard let position = try node.constantIntegers(index, "the position")?.first else { return nil }
        let place = position < 0 ? position + count : position
        try node.require((0..<count).contains(place), "position \(position) of \(count)")
        return place
    }

    /// Concatenates a sequence to one tensor.
    ///
    /// - Parameter isNew: Whether the axis is a new one.
    mutating func join(
        _ list: [String], axis: Int, isNew: Bool, _ node: ImportedNode, output: String
    ) throws(ONNXImportError) {
        guard let first = list.first, let rank = operand(first)?.type?.shape.rank else {
            throw node.failure(.unsupported, "a list of no tensors")
        }
        try node.require((1...1 << 12).contains(list.count), .tooLarge, "a list of \(list.count) tensors")
        let all = rank + (isNew ? 1 : 0)
        try node.require((-all..<all).contains(axis), "axis \(axis) of rank \(all)")
        let place = axis < 0 ? axis + all : axis
        var parts: [String] = []
        do throws(ONNXImportError) {
            for value in list {
                guard isNew else {
                    parts.append(aliases[value] ?? value)
                    continue
                }
                let part = valueNames.make("\(output)_part")
                try emit(
                    .unsqueeze(Unsqueeze(axes: [place])), [aliases[value] ?? value],
                    name: nodeNames.make("\(node.name)_part"), output: part)
                if operand(value)?.isInteger == true { integers.insert(part) }
                parts.append(part)
            }
            try emit(
                .concat(Concat(axis: place)), parts, name: nodeNames.make("\(node.name)_joined"), output: output)
        } catch { throw error.at(node.place) }
        if constants[output] == nil, operand(first)?.isInteger == true { integers.insert(output) }
    }

    private mutating func split(_ node: inout ImportedNode, output: String) throws(ONNXImportError) {
        let (shape, name) = (try node.shape(0), try node.input(0))
        let axis = try node.integer("axis") ?? 0
        try node.require((-shape.rank..<shape.rank).contains(axis), "axis \(axis) of \(shape)")
        let place = axis < 0 ? axis + shape.rank : axis
        let keeps = try node.flag("keepdims", default: true)
        let stated = try node.constantIntegers(1, "the extents of the parts")
        let extent = shape[place]
        var extents = stated ?? Array(repeating: 1, count: extent)
        if let stated, stated.count == 1, node.operand(1)?.type?.shape.rank == 0, stated[0] > 0 {
            extents = Array(repeating: stated[0], count: extent / stated[0])
            if extent % stated[0] > 0 { extents.append(extent % stated[0]) }
        }
        try node.require(
            extents.count <= 1 << 12 && extents.allSatisfy { (0...extent).contains($0) }
                && extents.reduce(0, +) == extent, "parts of \(extents.prefix(8)) of \(shape)")
        var (list, start): ([String], Int) = ([], 0)
        for part in extents {
            var value = valueNames.make("\(output)_part")
            do throws(ONNXImportError) {
                try emit(
                    .slice(Slice(starts: [start], ends: [start + part], axes: [place], steps: [1])), [name],
                    name: nodeNames.make("\(node.name)_part"), output: value)
                if stated == nil, !keeps {
                    let whole = value
                    value = valueNames.make("\(output)_part")
                    try emit(
                        .squeeze(Squeeze(axes: [place])), [whole], name: nodeNames.make("\(node.name)_axis"),
                        output: value)
                }
            } catch { throw error.at(node.place) }
            if constants[value] == nil, node.operand(0)?.isInteger == true { integers.insert(value) }
            list.append(value)
            start += part
        }
        sequences[output] = list
    }
}
