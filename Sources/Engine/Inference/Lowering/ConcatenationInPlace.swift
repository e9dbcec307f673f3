// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

extension Lowering {
    /// Concatenates channels in blocks of one image without copies. Each part is contiguous in the result, so its step
    /// writes it there directly. A part that must stay elsewhere is copied.
    ///
    /// - Returns: `nil` if layouts do not permit it, or if more than half of the result would be copied.
    mutating func joinedInPlace(_ parts: [Int], _ type: TensorType, _ node: Draft.Node) throws(OneDNNError) -> Int? {
        guard draft.options.joinsInPlace, draft.nodes.count <= Self.nodesJoinedInPlace, type.element == .float32,
            type.shape.rank == 4, type.shape[0] == 1,
            let first = parts.first(where: { values[$0].layout?.channelBlock != nil }),
            let block = layout(first).channelBlock
        else { return nil }
        let element = layout(first).element
        var wanted: [TensorLayout] = []
        for part in parts {
            let dimensions = layout(part).dimensions
            guard layout(part).element == element, dimensions[1] % block == 0 else { return nil }
            wanted.append(try .channelBlocks(of: block, dimensions, element: element))
        }
        let runs = movableRuns(parts, wanted)
        let movable = runs.flatMap(\.parts).reduce(0) { $0 + values[parts[$1]].byteCount }
        guard movable * 2 >= wanted.reduce(0, { $0 + $1.byteCount }) else { return nil }

        let target = add(.arena, try .channelBlocks(of: block, type.shape.dimensions, element: element))
        var offsets = [0]
        for layout in wanted { offsets.append(offsets[offsets.count - 1] + layout.byteCount) }
        for run in runs {
            markWriter(of: run.root, node)
            place(run.root, within: target, byteOffset: offsets[run.parts.lowerBound])
        }
        let moved = Set(runs.flatMap(\.parts))
        for index in parts.indices where !moved.contains(index) {
            try emitReorder(
                parts[index], add(.within(target, byteOffset: offsets[index]), wanted[index]), for: node)
        }
        joinedInPlace.insert(target)
        draft.log.append((pass: Self.concatenationInPlace, node: node.name))
        return target
    }

    /// The limit of a graph's nodes. Moving a part visits every value name: networks have some thousand nodes, but a
    /// file can have far more.
    static let nodesJoinedInPlace = 1 << 13

    /// The name in `inspect --plan` and in tests.
    static let concatenationInPlace = "concatenation in place"

    /// Adds the concatenation to the description of the step that writes a part. For a part that is itself a
    /// concatenation in place, it changes nothing: no step writes that as a whole.
    private mutating func markWriter(of root: Int, _ node: Draft.Node) {
        guard !joinedInPlace.contains(root),
            let step = steps.lastIndex(where: { self.root(of: $0.destination) == root })
        else { return }
        steps[step].description.fused.append(node.name)
    }

    /// Runs of parts that can be moved: each run fills the memory that contains it, which may be the result of another
    /// concatenation.
    private func movableRuns(_ parts: [Int], _ wanted: [TensorLayout]) -> [(root: Int, parts: Range<Int>)] {
        var runs: [(root: Int, parts: Range<Int>)] = []
        var index = 0
        while index < parts.count {
            let root = root(of: parts[index])
            var (end, size) = (index, 0)
            while end < parts.count, size < values[root].byteCount, layout(parts[end]) == wanted[end],
                address(of: parts[end]) == (root, size)
            {
                size += values[parts[end]].byteCount
                end += 1
            }
            if case .arena = values[root].place, end > index, size == values[root].byteCount,
                !runs.contains(where: { $0.root == root })
            {
                runs.append((root, index..<end))
                index = end
            } else {
                index += 1
            }
        }
        return runs
    }
}

extension Draft {
    /// Whether the elements that are concatenated along channels, in whole blocks, are at least an eighth of the
    /// elements that convolutions produce.
    ///
    /// oneDNN's first choice for AVX-512, channels last, is hardly faster than blocks if nothing is concatenated. For
    /// one image, its copies for concatenations cost more than blocks do. For several images, concatenating blocks
    /// costs more. `Documentation/engine-internals.md` has the measurements.
    var joinsChannels: Bool {
        guard nodes.count <= Lowering.nodesJoinedInPlace else { return false }
        var (joined, made) = (0.0, 0.0)
        for node in nodes {
            guard case .operation(let operation) = node.kind else { continue }
            let shape = shape(node.output)
            guard shape.count == 4 else { continue }
            let size = shape.reduce(1) { $0 * Double($1) }
            switch operation {
            case .convolution: made += size
            case .concat(let concat) where concat.axis == 1 || concat.axis == -3:
                if node.inputs.allSatisfy({ self.shape($0)[1] % 16 == 0 }) { joined += size }
            default: break
            }
        }
        return joined > 0 && joined * 8 >= made
    }

    /// Whether all convolutions have a batch size of 1.
    var isOfOneImage: Bool {
        nodes.allSatisfy { node in
            guard case .operation(.convolution) = node.kind else { return true }
            return shape(node.output)[0] == 1
        }
    }
}
