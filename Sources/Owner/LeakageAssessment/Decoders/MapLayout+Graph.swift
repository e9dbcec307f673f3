// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
internal import Tensors

extension Graph {
    /// Most extra tokens; vision transformers have one class token, some one for distillation or four registers more.
    private static var maximumExtraTokens: Int { 8 }

    /// How the value is a stack of feature maps; `nil` for vectors.
    ///
    /// Maps have the aspect ratio of the model's input, up to one cell of rounding. Where this leaves both orders
    /// possible, the channels are first unless a node beside the value says otherwise. Where it leaves none, a value of
    /// four axes counts as channels first.
    package func mapLayout(of name: String) -> MapLayout? {
        let shape = type(of: name).shape.dimensions
        if shape.count == 4, shape[0] == 1 {
            if let fitting = fittingLayout(of: name) { return fitting }
            if shape[2] > 1 && shape[3] > 1 {
                return .planes(channels: shape[1], height: shape[2], width: shape[3])
            }
        }
        guard shape.count > 2 else { return nil }
        // A reshape leaves the elements where they are.
        if let maker = maker(of: name), case .reshape = maker.operation, type(of: maker.inputs[0]).shape.rank == 4,
            let layout = fittingLayout(of: maker.inputs[0])
        {
            return layout
        }
        // A batch of 1 may be any axis: sequences come first in some networks.
        let extents = shape.filter { $0 > 1 }
        guard extents.count == 2 else { return nil }
        let areLast = areTokensLast(name)
        if areLast != true, let grid = grid(of: extents[0], in: name) {
            return .tokens(grid, channels: extents[1], areLast: false)
        }
        // Without any sign, features that were computed row by row would be taken for maps.
        guard areLast == true else { return nil }
        return grid(of: extents[1], in: name).map { .tokens($0, channels: extents[0], areLast: true) }
    }

    private func maker(of name: String) -> Node? { nodes.first { $0.outputs.contains(name) } }

    /// This value, and the first operands that it was computed from without a change of shape, at most 64.
    private func ancestry(of name: String) -> [String] {
        var names = [name]
        while let maker = maker(of: names[names.count - 1]), let source = maker.inputs.first, names.count < 64,
            type(of: source).shape == type(of: name).shape
        {
            if case .transpose = maker.operation { break }
            names.append(source)
        }
        return names
    }

    /// Whether tokens are the last axis, after the channels. Follows reshapes and transposes back to the last feature
    /// maps; `nil` if they cannot be followed.
    private func areTokensLast(_ name: String) -> Bool? {
        var (name, isSwapped) = (name, false)
        for _ in nodes {
            guard let maker = maker(of: ancestry(of: name).last ?? name) else { return nil }
            let source = maker.inputs[0]
            switch maker.operation {
            case .reshape, .flatten:
                guard type(of: source).shape.rank == 4, let layout = fittingLayout(of: source) else { return nil }
                return layout.areChannelsFirst != isSwapped
            case .transpose(let transpose):
                let rank = transpose.permutation.count
                guard transpose.permutation.suffix(2) == [rank - 1, rank - 2] else { return nil }
                (name, isSwapped) = (source, !isSwapped)
            case .concat:
                // The largest one is the grid, the others are extra tokens.
                name = maker.inputs.max { type(of: $0).shape.elementCount < type(of: $1).shape.elementCount } ?? source
            default: name = source
            }
        }
        return nil
    }

    /// The grid of square patches of the image that leaves the fewest extra tokens. More than one are expected beside
    /// large grids only. They come before the grid, unless a concatenation puts them after it.
    private func grid(of tokens: Int, in name: String) -> MapLayout.Grid? {
        guard let image else { return nil }
        func isGrid(_ height: Int, _ width: Int) -> Bool {
            (1...max(1, image.height)).contains { patch in
                (image.height / patch, image.width / patch) == (height, width)
                    || ((image.height + patch - 1) / patch, (image.width + patch - 1) / patch) == (height, width)
            }
        }
        for extra in 0...Self.maximumExtraTokens where tokens - extra >= 4 {
            let cells = tokens - extra
            guard extra <= max(1, cells / 16) else { continue }
            for height in 2...cells / 2 where cells % height == 0 && isGrid(height, cells / height) {
                let after = min(extra, tokensAfter(cells, in: name))
                return .init(height: height, width: cells / height, before: extra - after, after: after)
            }
        }
        return nil
    }

    /// The number of tokens that a concatenation puts after those of the grid.
    private func tokensAfter(_ cells: Int, in name: String) -> Int {
        var source = ancestry(of: name).last.flatMap(maker(of:))
        // The order of tokens is the same after a transpose.
        while let node = source, case .transpose = node.operation {
            source = ancestry(of: node.inputs[0]).last.flatMap(maker(of:))
        }
        guard let maker = source, case .concat = maker.operation,
            let place = maker.inputs.lastIndex(where: { type(of: $0).shape.dimensions.contains(cells) })
        else { return 0 }
        return maker.inputs[(place + 1)...].count
    }

    private var image: (height: Int, width: Int)? {
        inputs.lazy.map(\.type.shape.dimensions).first { $0.count == 4 }.map { ($0[2], $0[3]) }
    }

    private func fittingLayout(of name: String) -> MapLayout? {
        let shape = type(of: name).shape.dimensions
        guard let image, shape[0] == 1 else { return nil }
        func fits(_ height: Int, _ width: Int) -> Bool {
            (2...max(2, image.height)).contains(height) && (2...max(2, image.width)).contains(width)
                && abs(height * image.width - width * image.height) < max(image.height, image.width)
        }
        let isFirst = fits(shape[2], shape[3])
        if fits(shape[1], shape[2]), areChannelsLast(of: name) ?? !isFirst {
            return .channelsLast(channels: shape[3], height: shape[1], width: shape[2])
        }
        return isFirst ? .planes(channels: shape[1], height: shape[2], width: shape[3]) : nil
    }

    /// What the nodes that compute and use the value say of its order; `nil` if nothing.
    private func areChannelsLast(of name: String) -> Bool? {
        if samplingGrids[name] != nil { return false }
        for node in nodes where node.inputs.first == name || node.outputs.contains(name) {
            switch node.operation {
            case .transpose(let transpose):
                if transpose.permutation == (node.inputs.first == name ? [0, 3, 1, 2] : [0, 2, 3, 1]) { return true }
            case .layerNormalization(let normalization) where normalization.axis == -1 || normalization.axis == 3:
                return true
            case .matMul where type(of: node.inputs[1]).shape.rank == 2: return true
            default: break
            }
        }
        return nil
    }
}
