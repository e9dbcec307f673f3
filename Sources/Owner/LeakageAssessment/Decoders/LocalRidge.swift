// SPDX-License-Identifier: Apache-2.0
/// The best linear transposed convolution: the 3x3 neighbourhood of each cell predicts the patch of pixels under the
/// cell, by ridge regression over positions of the training images. A second, nonlinear form adds ``RandomFeatures`` of
/// the neighbourhood.
///
/// - Source: design notes, Tier 2; Hoerl and Kennard 1970 for ridge regression.
package struct LocalRidge: Sendable {
    /// Candidates for the penalty, relative to the mean diagonal of the normal equations.
    package static let penalties = [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]
    /// Number of positions for fitting, and for the choice of the penalty.
    package static let fittingPositions = 20_000
    package static let validationPositions = 5_000
    /// Limit of channels, so that the normal equations fit in memory: (512 + 9 * 256 + 1)² doubles are 64 MB.
    package static let maximumChannels = 256

    package enum Form: Sendable, Hashable, CaseIterable {
        case linear
        /// The variant with random features.
        case randomFeatures
    }

    private struct Solution: Sendable {
        /// `[features, outputs]`: fitted to the fitting images alone, and to all training images.
        let fittingWeights: [Float]
        let weights: [Float]
        let penalty: Double
    }

    private let rows: NeighbourhoodRows
    /// The standardised maps.
    package var maps: FeatureMaps { rows.maps }
    private let colours: Int
    private let patch: (height: Int, width: Int)
    private let solutions: [Form: Solution]

    private var outputs: Int { patch.height * patch.width * colours }

    /// Fits to the images of `split.fitting`, chooses the penalty on `split.validation`, then fits to both.
    ///
    /// - Parameters:
    ///   - maps: At most ``maximumChannels`` channels.
    ///   - targets: One per image, their sides multiples of the grid's.
    /// - Returns: `nil` when the normal equations cannot be solved with any penalty (constant features).
    /// - Throws: ``AssessmentError`` `.file` when the disk is full.
    package init?(
        maps raw: FeatureMaps, targets: [Picture], split: PictureSplit, seed: UInt64
    ) throws(AssessmentError) {
        precondition(raw.channels <= Self.maximumChannels && !targets.isEmpty && raw.count == targets.count)
        precondition(targets[0].height % raw.height == 0 && targets[0].width % raw.width == 0)
        let scaling = ChannelScaling(of: raw, pictures: split.training)
        let maps = try raw.mapped(channels: raw.channels) { scaling.apply(to: &$0) }
        let rows = NeighbourhoodRows(maps: maps, seed: seed)
        self.rows = rows
        patch = (targets[0].height / maps.height, targets[0].width / maps.width)
        colours = targets[0].channels

        let (patch, colours) = (patch, colours)
        func equations(_ pictures: [Int], _ budget: Int) -> NormalEquations {
            var equations = NormalEquations(
                features: rows.features(.randomFeatures), outputs: patch.height * patch.width * colours)
            let quota = (budget + pictures.count - 1) / max(1, pictures.count)
            for picture in pictures {
                var generator = SeededGenerator(seed: seed &+ UInt64(picture), purpose: "positions")
                let cells = quota >= maps.cells ? Array(0..<maps.cells) : generator.permutation(of: maps.cells)
                rows.add(Array(cells.prefix(quota)), of: picture, targets[picture], patch: patch, to: &equations)
            }
            equations.finish()
            return equations
        }
        var training = equations(split.fitting, Self.fittingPositions)
        let validation = equations(split.validation, Self.validationPositions)
        // The sums are the largest arrays of a decoder, so each exists once: those of the validation images are added to
        // those of the fitting images after both forms have chosen their penalties.
        var choices: [Form: (penalty: Double, weights: [Float])] = [:]
        for form in Form.allCases {
            choices[form] = Self.choice(of: rows.features(form), fitting: training, validation)
        }
        training.add(validation)
        var solutions: [Form: Solution] = [:]
        for (form, choice) in choices {
            // The linear features come last.
            guard let weights = training.weights(penalty: choice.penalty, last: rows.features(form)) else { continue }
            solutions[form] = Solution(
                fittingWeights: choice.weights, weights: weights.map(Float.init), penalty: choice.penalty)
        }
        guard !solutions.isEmpty else { return nil }
        self.solutions = solutions
    }

    /// The penalty with the smallest error on the validation images, and its weights for the last `features` features.
    private static func choice(
        of features: Int, fitting: NormalEquations, _ validation: NormalEquations
    ) -> (penalty: Double, weights: [Float])? {
        var best: (error: Double, penalty: Double, weights: [Float])?
        for penalty in penalties {
            guard let weights = fitting.weights(penalty: penalty, last: features) else { continue }
            let error = validation.squaredError(of: weights)
            if error < best?.error ?? .infinity { best = (error, penalty, weights.map(Float.init)) }
        }
        return best.map { ($0.penalty, $0.weights) }
    }

    /// The chosen element of ``penalties``; `nil` where this form has no solution.
    package func penalty(_ form: Form) -> Double? { solutions[form]?.penalty }

    /// The reconstruction, clipped to [0, 1]; `nil` where this form has no solution.
    ///
    /// - Parameter fromFittingOnly: Use the weights that were fitted without the validation images.
    package func reconstruction(of picture: Int, _ form: Form, fromFittingOnly: Bool = false) -> Picture? {
        guard let solution = solutions[form] else { return nil }
        let patches = MatrixProduct.multiply(
            rows.values(of: Array(0..<maps.cells), in: maps.values(of: picture), form).span,
            (fromFittingOnly ? solution.fittingWeights : solution.weights).span, rows: maps.cells,
            inner: rows.features(form), columns: outputs)
        var values = [Float](repeating: 0, count: maps.cells * outputs)
        Self.forEachPixel(grid: (maps.height, maps.width), patch: patch, colours: colours) { cell, output, pixel in
            values[pixel] = min(max(patches[cell * outputs + output], 0), 1)
        }
        return Picture(
            height: maps.height * patch.height, width: maps.width * patch.width, channels: colours, values: values)
    }

    /// Maps each output of each cell to its index in the image.
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
