// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
package import Tensors

/// How the boundary tensors of a cut become features for the decoders.
///
/// Feature maps (`[1, c, h, w]` with both extents over 1) are brought to one grid of at most ``maximumCells`` cells per
/// side: the finest maps by space-to-depth if they are larger, all others by their nearest element. All other tensors
/// are vectors, which only the global decoder can use.
package struct FeatureLayout: Sendable {
    /// Most cells along one side.
    package static let maximumCells = 64
    /// Approximate side length of reconstructions in pixels: people recognise scenes at 32.
    package static let pixels = 56
    /// Features with more elements are projected to ``LocalRidge/maximumChannels`` channels when they are recorded.
    package static let maximumElements = 1 << 20

    private struct Map: Sendable {
        let channels: Int
        let height: Int
        let width: Int
        /// Elements of a cell along each side; 0 if the nearest element is used.
        let block: Int
    }

    private let maps: [Int: Map]
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
        let shapes = crossing.map { graph.type(of: $0).shape.dimensions }
        let spatial = shapes.indices.filter { Self.isMap(shapes[$0]) }
        func area(_ index: Int) -> Int { shapes[index][2] * shapes[index][3] }
        guard let finest = spatial.max(by: { area($0) < area($1) }) else {
            (maps, grid, channels, rawChannels, projection) = ([:], nil, 0, 0, nil)
            reconstruction = (min(Self.pixels, picture.height), min(Self.pixels, picture.width))
            region = .init(top: 0, left: 0, height: Double(picture.height), width: Double(picture.width))
            return
        }
        let (height, width) = (shapes[finest][2], shapes[finest][3])
        let block = (max(height, width) + Self.maximumCells - 1) / Self.maximumCells
        let cells = ((height + block - 1) / block, (width + block - 1) / block)
        var maps: [Int: Map] = [:]
        for index in spatial {
            let dimensions = shapes[index]
            let isFinest = dimensions[2] == height && dimensions[3] == width
            maps[index] = Map(
                channels: dimensions[1], height: dimensions[2], width: dimensions[3], block: isFinest ? block : 0)
        }
        let raw = maps.values.reduce(0) { $0 + $1.channels * max(1, $1.block * $1.block) }
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
        if let sampling = graph.samplingGrids[crossing[finest]] {
            region = sampling.region(cells: cells, block: block)
        } else {
            region = .init(
                top: 0, left: 0, height: Double(picture.height * block * cells.0) / Double(height),
                width: Double(picture.width * block * cells.1) / Double(width))
        }
    }

    /// Whether a tensor of this shape is a stack of feature maps rather than a vector.
    package static func isMap(_ dimensions: [Int]) -> Bool {
        dimensions.count == 4 && dimensions[2] > 1 && dimensions[3] > 1
    }

    /// Approximate number of stored elements per image.
    package func elements(crossing types: [TensorType]) -> Int {
        (grid.map { $0.height * $0.width * channels } ?? 0)
            + types.indices.reduce(0) { $0 + (maps[$1] == nil ? types[$1].shape.elementCount : 0) }
    }

    /// One image's features.
    package struct Features: Sendable {
        /// `[height, width, channels]` of the grid; empty if there is none.
        package var map: [Float]
        /// The tensors that are no feature maps, concatenated.
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
                    offset += map.channels * max(1, map.block * map.block)
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
        raw.withUnsafeMutableBufferPointer { raw in
            for channel in 0..<map.channels {
                let plane = channel * map.height * map.width
                for cellY in 0..<grid.height {
                    for cellX in 0..<grid.width {
                        let cell = (cellY * grid.width + cellX) * rawChannels + offset
                        guard map.block > 0 else {
                            let (y, x) = (cellY * map.height / grid.height, cellX * map.width / grid.width)
                            raw[cell + channel] = values[plane + y * map.width + x]
                            continue
                        }
                        for dy in 0..<map.block {
                            let y = min(cellY * map.block + dy, map.height - 1)
                            for dx in 0..<map.block {
                                let x = min(cellX * map.block + dx, map.width - 1)
                                let position = (channel * map.block + dy) * map.block + dx
                                raw[cell + position] = values[plane + y * map.width + x]
                            }
                        }
                    }
                }
            }
        }
    }
}
