/// The best linear transposed convolution: each cell's 3x3 neighbourhood predicts the patch of pixels under the cell, by
/// ridge regression over positions of the training pictures.
///
/// - Source: design notes, Tier 2; Hoerl and Kennard 1970 for ridge regression.
package struct LocalRidge: Sendable {
    /// Candidates for the penalty, relative to the mean diagonal of the normal equations.
    package static let penalties = [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]
    /// Positions to learn from, and to choose the penalty on.
    package static let fittingPositions = 20_000
    package static let validationPositions = 5_000
    /// Channels that the normal equations can hold in reasonable memory: (9 * 256 + 1)² doubles are 42 MB.
    package static let maximumChannels = 256

    private let maps: FeatureMaps
    private let patch: (height: Int, width: Int)
    private let colours: Int
    /// `[features, outputs]`, learned from the fitting pictures alone and from all training pictures.
    private let fittingWeights: [Float]
    private let weights: [Float]
    /// The chosen element of ``penalties``.
    package let penalty: Double

    private static func features(_ maps: FeatureMaps) -> Int { 9 * maps.channels + 1 }
    private var outputs: Int { patch.height * patch.width * colours }

    /// Learns from the pictures of `split.fitting`, chooses the penalty on `split.validation`, learns again from both.
    ///
    /// - Parameters:
    ///   - maps: At most ``maximumChannels`` channels.
    ///   - targets: One per picture, their sides multiples of the grid's.
    /// - Returns: `nil` when the normal equations cannot be solved with any penalty (constant features).
    package init?(maps raw: FeatureMaps, targets: [Picture], split: PictureSplit, seed: UInt64) {
        precondition(raw.channels <= Self.maximumChannels && !targets.isEmpty && raw.values.count == targets.count)
        precondition(targets[0].height % raw.height == 0 && targets[0].width % raw.width == 0)
        var maps = raw
        let scaling = ChannelScaling(of: maps, pictures: split.training)
        for picture in maps.values.indices { scaling.apply(to: &maps.values[picture]) }
        self.maps = maps
        patch = (targets[0].height / maps.height, targets[0].width / maps.width)
        colours = targets[0].channels

        let (patch, colours) = (patch, colours)
        func equations(_ pictures: [Int], _ budget: Int) -> NormalEquations {
            var equations = NormalEquations(
                features: Self.features(maps), outputs: patch.height * patch.width * colours)
            let quota = (budget + pictures.count - 1) / max(1, pictures.count)
            for picture in pictures {
                var generator = SeededGenerator(seed: seed &+ UInt64(picture), purpose: "positions")
                let cells = quota >= maps.cells ? Array(0..<maps.cells) : generator.permutation(of: maps.cells)
                Self.add(
                    cells.prefix(quota), of: maps, picture, targets[picture], patch: patch, to: &equations)
            }
            equations.flush()
            return equations
        }
        var training = equations(split.fitting, Self.fittingPositions)
        let validation = equations(split.validation, Self.validationPositions)
        var best: (error: Double, penalty: Double, weights: [Double])?
        for penalty in Self.penalties {
            guard let weights = training.weights(penalty: penalty) else { continue }
            let error = validation.squaredError(of: weights)
            if error < best?.error ?? .infinity { best = (error, penalty, weights) }
        }
        guard let best else { return nil }
        penalty = best.penalty
        fittingWeights = best.weights.map(Float.init)
        training.add(validation)
        guard let final = training.weights(penalty: penalty) else { return nil }
        weights = final.map(Float.init)
    }

    /// The picture as it is decoded, clipped to [0, 1].
    ///
    /// - Parameter fromFittingOnly: Use what was learned without the validation pictures.
    package func reconstruction(of picture: Int, fromFittingOnly: Bool = false) -> Picture {
        let features = Self.features(maps)
        var rows = [Float](repeating: 0, count: maps.cells * features)
        rows.withUnsafeMutableBufferPointer { rows in
            for cell in 0..<maps.cells {
                Self.neighbourhood(of: cell, in: maps, picture) { rows[cell * features + $0] = $1 }
            }
        }
        let patches = MatrixProduct.multiply(
            rows.span, (fromFittingOnly ? fittingWeights : weights).span, rows: maps.cells, inner: features,
            columns: outputs)
        var values = [Float](repeating: 0, count: maps.cells * outputs)
        Self.forEachPixel(grid: (maps.height, maps.width), patch: patch, colours: colours) { cell, output, pixel in
            values[pixel] = min(max(patches[cell * outputs + output], 0), 1)
        }
        return Picture(
            height: maps.height * patch.height, width: maps.width * patch.width, channels: colours, values: values)
    }

    private static func add(
        _ cells: ArraySlice<Int>, of maps: FeatureMaps, _ picture: Int, _ target: Picture,
        patch: (height: Int, width: Int), to equations: inout NormalEquations
    ) {
        let rowLength = patch.width * target.channels
        for cell in cells {
            let (y, x) = (cell / maps.width, cell % maps.width)
            equations.addRow { row in
                neighbourhood(of: cell, in: maps, picture) { row[$0] = Double($1) }
            } outputs: { outputs in
                for line in 0..<patch.height {
                    let start = (y * patch.height + line) * target.width * target.channels + x * rowLength
                    for index in 0..<rowLength {
                        outputs[line * rowLength + index] = Double(target.values[start + index])
                    }
                }
            }
        }
    }

    /// The standardised values of the nine cells around `cell`, zeros (the mean) beyond the edges, then a 1.
    @inline(__always)
    private static func neighbourhood(
        of cell: Int, in maps: FeatureMaps, _ picture: Int, _ body: (Int, Float) -> Void
    ) {
        let (y, x) = (cell / maps.width, cell % maps.width)
        maps.values[picture].withUnsafeBufferPointer { values in
            var position = 0
            for neighbourY in y - 1...y + 1 {
                for neighbourX in x - 1...x + 1 {
                    if (0..<maps.height).contains(neighbourY), (0..<maps.width).contains(neighbourX) {
                        let start = (neighbourY * maps.width + neighbourX) * maps.channels
                        for channel in 0..<maps.channels { body(position + channel, values[start + channel]) }
                    } else {
                        for channel in 0..<maps.channels { body(position + channel, 0) }
                    }
                    position += maps.channels
                }
            }
            body(position, 1)
        }
    }

    /// Which output of which cell is which value of the picture.
    private static func forEachPixel(
        grid: (height: Int, width: Int), patch: (height: Int, width: Int), colours: Int,
        _ body: (_ cell: Int, _ output: Int, _ pixel: Int) -> Void
    ) {
        let rowLength = patch.width * colours
        for cell in 0..<grid.height * grid.width {
            let (y, x) = (cell / grid.width, cell % grid.width)
            for line in 0..<patch.height {
                let start = ((y * patch.height + line) * grid.width + x) * rowLength
                for index in 0..<rowLength { body(cell, line * rowLength + index, start + index) }
            }
        }
    }
}
