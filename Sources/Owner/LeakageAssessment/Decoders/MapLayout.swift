// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
internal import Tensors

/// Where the elements of a boundary tensor lie over the image, if it is a stack of feature maps: `[1, c, h, w]`,
/// `[1, h, w, c]` (channels last) or `[1, tokens, c]`, the tokens of a grid after a few extra ones (class token,
/// registers).
package struct MapLayout: Sendable, Hashable {
    package let channels: Int
    package let height: Int
    package let width: Int
    /// Elements of the extra tokens, which lie before the maps.
    package let extraElements: Int
    private let channelStride: Int
    /// The distance of neighbours in a row, and of the end of a row to the start of the next.
    private let cellStride: Int

    package static func planes(channels: Int, height: Int, width: Int) -> MapLayout {
        MapLayout(
            channels: channels, height: height, width: width, extraElements: 0, channelStride: height * width,
            cellStride: 1)
    }

    package static func channelsLast(channels: Int, height: Int, width: Int, extraTokens: Int = 0) -> MapLayout {
        MapLayout(
            channels: channels, height: height, width: width, extraElements: extraTokens * channels, channelStride: 1,
            cellStride: channels)
    }

    package var elementCount: Int { channels * height * width }

    func index(channel: Int, y: Int, x: Int) -> Int {
        extraElements + channel * channelStride + (y * width + x) * cellStride
    }

    /// Appends one channel of a tensor's elements, row by row.
    func append(channel: Int, of values: UnsafeBufferPointer<Float>, to plane: inout [Float]) {
        let first = index(channel: channel, y: 0, x: 0)
        for cell in 0..<height * width { plane.append(values[first + cell * cellStride]) }
    }

    /// The maps of a tensor's elements, `[channels, height, width]`.
    func planes(of values: UnsafeBufferPointer<Float>) -> [Float] {
        var planes: [Float] = []
        planes.reserveCapacity(elementCount)
        for channel in 0..<channels { append(channel: channel, of: values, to: &planes) }
        return planes
    }
}

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
        guard shape.first == 1 else { return nil }
        if shape.count == 4 {
            if let fitting = fittingLayout(of: name) { return fitting }
            return shape[2] > 1 && shape[3] > 1
                ? .planes(channels: shape[1], height: shape[2], width: shape[3]) : nil
        }
        guard shape.count == 3 else { return nil }
        // A reshape leaves the elements where they are.
        if let node = nodes.first(where: { $0.outputs.contains(name) }), case .reshape = node.operation,
            type(of: node.inputs[0]).shape.rank == 4, let layout = fittingLayout(of: node.inputs[0])
        {
            return layout
        }
        return tokenLayout(tokens: shape[1], channels: shape[2])
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

    /// The grid of square patches of the image that leaves the fewest extra tokens. More than one are expected beside
    /// large grids only.
    private func tokenLayout(tokens: Int, channels: Int) -> MapLayout? {
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
                return .channelsLast(
                    channels: channels, height: height, width: cells / height, extraTokens: extra)
            }
        }
        return nil
    }
}
