// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
package import Tensors

/// How the boundary tensors of a cut become features for the decoders.
///
/// Feature maps, in any ``MapLayout``, are brought to one grid of at most ``maximumCells`` cells per side: the finest
/// maps by space-to-depth if they are larger, all others by their nearest element. All other tensors, and extra tokens,
/// are vectors, which only the global decoder can use.
package struct FeatureLayout: Sendable {
    /// Most cells along one side.
    package static let maximumCells = 64
    /// Approximate side length of reconstructions in pixels: people recognise scenes at 32.
    package static let pixels = 56
    /// Features with more elements are projected to ``LocalRidge/maximumChannels`` channels when they are recorded.
    package static let maximumElements = 1 << 20

    private struct Map: Sendable {
        let layout: MapLayout
        /// Elements of a cell along each side; 0 if the nearest element is used.
        let block: Int
        /// Channels in the grid.
        var channels: Int { layout.channels * max(1, block * block) }
    }

    private let maps: [Int: Map]
    /// One element per boundary tensor; `nil` for vectors.
    package let layouts: [MapLayout?]
    /// `nil` if no tensor is a feature map.
    package let grid: (height: Int, width: Int)?
    /// Channels of a cell, after projection.
    package let channels: Int
    private let rawChannels: Int
    private let projection: ChannelProjection?
    /// Size of the reconstructions in pixels.
    package let reconstruction: (height: Int, width: Int)
    /// The part of the image that they show.
    package let region: Picture.Region

    /// - Parameters:
    ///   - picture: Size of the model's input in pixels.
    package init(
        crossing: [String], of graph: Graph, picture: (height: Int, width: Int), seed: UInt64
    ) {
        layouts = crossing.map(graph.mapLayout(of:))
        let spatial = layouts.enumerated().compactMap { index, layout in layout.map { (index: index, layout: $0) } }
        func area(_ layout: MapLayout) -> Int { layout.height * layout.width }
        guard let finest = spatial.max(by: { area($0.layout) < area($1.layout) }) else {
            (maps, grid, channels, rawChannels, projection) = ([:], nil, 0, 0, nil)
            reconstruction = (min(Self.pixels, picture.height), min(Self.pixels, picture.width))
            region = .init(top: 0, left: 0, height: Double(picture.height), width: Double(picture.width))
            return
        }
        let (height, width) = (finest.layout.height, finest.layout.width)
        let block = (max(height, width) + Self.maximumCells - 1) / Self.maximumCells
        let cells = ((height + block - 1) / block, (width + block - 1) / block)
        var maps: [Int: Map] = [:]
        for (index, layout) in spatial {
            let isFinest = layout.height == height && layout.width == width
            maps[index] = Map(layout: layout, block: isFinest ? block : 0)
        }
        let raw = maps.values.reduce(0) { $0 + $1.channels }
        let limit = LocalRidge.maximumChannels
        let isLarge = raw > limit && raw * cells.0 * cells.1 > Self.maximumElements
        self.maps = maps
        grid = cells
        rawChannels = raw
        channels = isLarge ? limit : raw
        projection = isLarge ? ChannelProjection(from: raw, to: limit, seed: seed &+ 1) : nil

        // Reconstructions from fine maps are shown at twice the size, since they are sharp.
        let wanted = block > 1 ? 2 * Self.pixels : Self.pixels
        func patch(_ cells: Int, _ pixels: Int) -> Int {
            let limit = min(wanted, pixels)
            return max(1, min((limit + cells / 2) / cells, pixels / max(1, cells)))
        }
        reconstruction = (cells.0 * patch(cells.0, picture.height), cells.1 * patch(cells.1, picture.width))
        if let sampling = graph.samplingGrids[crossing[finest.index]] {
            region = sampling.region(cells: cells, block: block)
        } else {
            region = .init(
                top: 0, left: 0, height: Double(picture.height * block * cells.0) / Double(height),
                width: Double(picture.width * block * cells.1) / Double(width))
        }
    }

    /// Approximate number of stored elements per image.
    package func elements(crossing types: [TensorType]) -> Int {
        (grid.map { $0.height * $0.width * channels } ?? 0)
            + types.indices.reduce(0) { $0 + types[$1].shape.elementCount - (layouts[$1]?.elementCount ?? 0) }
    }

    /// One image's features.
    package struct Features: Sendable {
        /// `[height, width, channels]` of the grid; empty if there is none.
        package var map: [Float]
        /// The tensors that are no feature maps, and the extra tokens of those that are, concatenated.
        package var vector: [Float]
    }

    /// - Parameter tensors: The boundary tensors, f32, batch 1, in the order of the cut.
    /// - Throws: ``AssessmentError`` `.notFinite` when a value is not finite.
    package func features(of tensors: [Tensor]) throws(AssessmentError) -> Features {
        var raw = [Float](repeating: 0, count: rawChannels * (grid.map { $0.height * $0.width } ?? 0))
        var vector: [Float] = []
        var offset = 0
        for (index, tensor) in tensors.enumerated() {
            try tensor.withElements(as: Float.self) { (values) throws(AssessmentError) in
                guard values.reduce(0, { $0 + $1 * 0 }) == 0 else {
                    throw AssessmentError(.notFinite, "an activation is not finite")
                }
                if let map = maps[index] {
                    copy(values, map, to: &raw, offset: offset)
                    offset += map.channels
                    vector += map.layout.extraElements(of: values)
                } else {
                    vector += values
                }
            }
        }
        guard let projection, let grid else { return Features(map: raw, vector: vector) }
        return Features(map: projection.apply(to: raw, cells: grid.height * grid.width), vector: vector)
    }

    private func copy(_ values: UnsafeBufferPointer<Float>, _ map: Map, to raw: inout [Float], offset: Int) {
        guard let grid else { return }
        let layout = map.layout
        raw.withUnsafeMutableBufferPointer { raw in
            for channel in 0..<layout.channels {
                for cellY in 0..<grid.height {
                    for cellX in 0..<grid.width {
                        let cell = (cellY * grid.width + cellX) * rawChannels + offset
                        guard map.block > 0 else {
                            let (y, x) = (cellY * layout.height / grid.height, cellX * layout.width / grid.width)
                            raw[cell + channel] = values[layout.index(channel: channel, y: y, x: x)]
                            continue
                        }
                        for dy in 0..<map.block {
                            let y = min(cellY * map.block + dy, layout.height - 1)
                            for dx in 0..<map.block {
                                let x = min(cellX * map.block + dx, layout.width - 1)
                                let position = (channel * map.block + dy) * map.block + dx
                                raw[cell + position] = values[layout.index(channel: channel, y: y, x: x)]
                            }
                        }
                    }
                }
            }
        }
    }
}
