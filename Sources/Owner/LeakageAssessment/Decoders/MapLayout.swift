// SPDX-License-Identifier: Apache-2.0

/// Where the elements of a boundary tensor lie over the image, if it is a stack of feature maps: `[1, c, h, w]`,
/// `[1, h, w, c]` (channels last), or the tokens of a grid beside a few extra ones (class token, registers), as
/// `[1, tokens, c]`, `[tokens, 1, c]` or `[1, c, tokens]`.
package struct MapLayout: Sendable, Hashable {
    package let channels: Int
    package let height: Int
    package let width: Int
    /// The extra tokens, which are no part of the grid.
    package let extraTokens: Int
    /// The index of the maps' first element.
    private let start: Int
    private let channelStride: Int
    /// The distance of neighbours in a row, and of the end of a row to the start of the next.
    private let cellStride: Int

    package static func planes(channels: Int, height: Int, width: Int) -> MapLayout {
        tokens(Grid(height: height, width: width), channels: channels, areLast: true)
    }

    package static func channelsLast(channels: Int, height: Int, width: Int, extraTokens: Int = 0) -> MapLayout {
        tokens(Grid(height: height, width: width, before: extraTokens), channels: channels, areLast: false)
    }

    /// Tokens of a grid, with so many extra ones before and after them.
    package struct Grid: Sendable, Hashable {
        package let height: Int
        package let width: Int
        package let before: Int
        package let after: Int

        package init(height: Int, width: Int, before: Int = 0, after: Int = 0) {
            (self.height, self.width, self.before, self.after) = (height, width, before, after)
        }
    }

    /// - Parameter areLast: Whether the tokens are the last axis, after the channels.
    package static func tokens(_ grid: Grid, channels: Int, areLast: Bool) -> MapLayout {
        let extra = grid.before + grid.after
        let tokens = grid.height * grid.width + extra
        return MapLayout(
            channels: channels, height: grid.height, width: grid.width, extraTokens: extra,
            start: areLast ? grid.before : grid.before * channels, channelStride: areLast ? tokens : 1,
            cellStride: areLast ? 1 : channels)
    }

    /// Whether each channel's elements lie together.
    var areChannelsFirst: Bool { cellStride == 1 }

    package var elementCount: Int { channels * height * width }

    func index(channel: Int, y: Int, x: Int) -> Int {
        start + channel * channelStride + (y * width + x) * cellStride
    }

    /// The extra tokens' elements, in their order in the tensor.
    func extraElements(of values: UnsafeBufferPointer<Float>) -> [Float] {
        guard extraTokens > 0 else { return [] }
        var isMap = [Bool](repeating: false, count: values.count)
        for channel in 0..<channels {
            let first = index(channel: channel, y: 0, x: 0)
            for cell in 0..<height * width { isMap[first + cell * cellStride] = true }
        }
        return values.indices.filter { !isMap[$0] }.map { values[$0] }
    }

    /// The extra tokens, `[extraTokens, channels]`, in their order in the tensor.
    func extraVectors(of values: UnsafeBufferPointer<Float>) -> [Float] {
        let elements = extraElements(of: values)
        guard areChannelsFirst else { return elements }
        return elements.indices.map { elements[$0 % channels * extraTokens + $0 / channels] }
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
