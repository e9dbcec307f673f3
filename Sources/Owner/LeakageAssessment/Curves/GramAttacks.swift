// SPDX-License-Identifier: Apache-2.0
/// The attacks whose learning curves decide. Each needs only inner products: of the boundary tensors on one side, and
/// of the images, a second network's features, or the classes on the other.
package struct GramAttacks {
    private let features: SymmetricMatrix
    private let kernels: KernelRidge.Kernels
    private let seed: UInt64

    /// - Parameters:
    ///   - features: Inner products of the boundary tensors of all images.
    ///   - roots: Inner products of their signed square roots; `nil` for the kernels of the features alone.
    package init(features: SymmetricMatrix, roots: SymmetricMatrix? = nil, seed: UInt64) {
        self.features = features
        kernels = KernelRidge.Kernels(gram: features, roots: roots)
        self.seed = seed
    }

    private var count: Int { kernels.size }

    /// Appearance: R² of the reconstruction by kernel ridge regression, 1 - ‖x - x̂‖² / ‖x - x̄‖².
    ///
    /// - Parameter pictures: Inner products of the images.
    package func appearance(pictures: SymmetricMatrix) -> LearningCurve? {
        reconstruction(pictures: pictures).appearance
    }

    /// The curve of ``appearance(pictures:)``, and that of identity by the same reconstructions: the share of images
    /// that are identified as in ``identity(views:)``, with the images themselves in place of a second network's
    /// features.
    ///
    /// - Parameter pictures: Inner products of the images.
    package func reconstruction(
        pictures: SymmetricMatrix
    ) -> (appearance: LearningCurve?, identity: LearningCurve?) {
        let curves = CrossValidation.curves(
            pictures: count, measures: 2, parts: CrossValidation.parts, seed: seed
        ) {
            reconstruction(pictures: pictures, training: $0, testing: $1)
        }
        return (curves[0], curves[1])
    }

    /// The outcomes of one fold of ``appearance(pictures:)``; `nil` where nothing can be learned.
    package func appearance(
        pictures: SymmetricMatrix, training: [Int], testing: [Int]
    ) -> [CrossValidation.Outcome]? {
        reconstruction(pictures: pictures, training: training, testing: testing)?[0]
    }

    /// The outcomes of one fold of ``reconstruction(pictures:)``, one list for each curve.
    private func reconstruction(
        pictures: SymmetricMatrix, training: [Int], testing: [Int]
    ) -> [[CrossValidation.Outcome]]? {
        precondition(pictures.size == count)
        guard let ridge = KernelRidge(kernels, targets: pictures, training: training) else { return nil }
        let weights = testing.map(ridge.weights(of:))
        return [
            Self.reconstructed(pictures, training, testing, isAtEdge: ridge.isAtEdge, weights),
            identified(pictures, weights, versions: false, training, testing).map {
                CrossValidation.Outcome(gain: $0 ? 1 : 0, scale: 1, isAtEdge: ridge.isAtEdge)
            },
        ]
    }

    /// Appearance by a trained multilayer perceptron.
    ///
    /// - Parameter pictures: Inner products of the images.
    /// - Throws: ``AssessmentError`` as ``Perceptron`` does.
    package func perceptron(
        pictures: SymmetricMatrix, cancellation: CancellationFlag = CancellationFlag()
    ) throws(AssessmentError) -> LearningCurve? {
        precondition(pictures.size == count)
        return try CrossValidation.curve(pictures: count, seed: seed) {
            (training, testing) throws(AssessmentError) in
            guard
                let perceptron = try Perceptron(
                    features: features, targets: pictures, training: training, attacked: testing, seed: seed,
                    cancellation: cancellation)
            else { return nil }
            return Self.reconstructed(pictures, training, testing, testing.map(perceptron.weights(of:)))
        }
    }

    /// Squared errors of reconstructions that are combinations of training images, below those of the mean image.
    private static func reconstructed(
        _ pictures: SymmetricMatrix, _ training: [Int], _ testing: [Int], isAtEdge: Bool = false,
        _ weights: [[Double]]
    ) -> [CrossValidation.Outcome] {
        let among = training.map { row in training.map { pictures[row, $0] } }
        let mean = Statistics.mean(among.map(Statistics.mean))
        return zip(testing, weights).map { picture, weights in
            let own = training.map { pictures[picture, $0] }
            let overlap = zip(weights, own).reduce(0) { $0 + $1.0 * $1.1 }
            var norm = 0.0
            for (weight, row) in zip(weights, among) {
                norm += weight * zip(weights, row).reduce(0) { $0 + $1.0 * $1.1 }
            }
            let square = pictures[picture, picture]
            let scale = square - 2 * Statistics.mean(own) + mean
            return CrossValidation.Outcome(
                gain: scale - (square - 2 * overlap + norm), scale: scale, isAtEdge: isAtEdge)
        }
    }

    /// Most candidates for identification, the right one included, so that results with few and with many images are
    /// comparable.
    package static let maximumCandidates = 40

    /// Identity: the share of images that are identified among others of the fold by a second network's features. The
    /// attack predicts these features from the boundary tensors, and takes the candidate whose features correlate best
    /// with the prediction, after subtracting the mean of the training images.
    ///
    /// - Parameter views: Inner products of the second network's features of the images (rows and columns below
    ///   `count`), and of altered versions, cropped and recoloured (those from `count` on, in the same order).
    /// - Returns: Where the candidates are the images, and where they are the altered versions. Empty where nothing can
    ///   be learned.
    package func identity(views: SymmetricMatrix) -> [LearningCurve] {
        CrossValidation.curves(pictures: count, measures: 2, parts: CrossValidation.parts, seed: seed) {
            identity(views: views, training: $0, testing: $1)
        }.compactMap(\.self)
    }

    /// The outcomes of one fold of ``identity(views:)``, one list for each curve; `nil` where nothing can be learned.
    package func identity(
        views: SymmetricMatrix, training: [Int], testing: [Int]
    ) -> [[CrossValidation.Outcome]]? {
        precondition(views.size == 2 * count)
        guard let ridge = KernelRidge(kernels, targets: views.leading(count), training: training) else { return nil }
        let weights = testing.map(ridge.weights(of:))
        return [false, true].map { versions in
            identified(views, weights, versions: versions, training, testing).map {
                CrossValidation.Outcome(gain: $0 ? 1 : 0, scale: 1, isAtEdge: ridge.isAtEdge)
            }
        }
    }

    /// Whether each test image is identified by the combination of training images with its weights.
    private func identified(
        _ views: SymmetricMatrix, _ weights: [[Double]], versions: Bool, _ training: [Int], _ testing: [Int]
    ) -> [Bool] {
        let candidates = testing.map { $0 + (versions ? count : 0) }
        // Features relative to the training mean m: ⟨z - m, c - m⟩ with z = Σ w z_i and Σ w = 1.
        let means = training.map { row in Statistics.mean(training.map { views[row, $0] }) }
        let square = Statistics.mean(means)
        let shifted = candidates.map { candidate in
            let own = training.map { views[$0, candidate] }
            let average = Statistics.mean(own)
            return (
                products: zip(own, means).map { $0 - average - $1 + square },
                length: max(0, views[candidate, candidate] - 2 * average + square).squareRoot()
            )
        }
        return testing.indices.map { index in
            // The right candidate first, then those after it in the fold.
            let likeness = (0..<min(Self.maximumCandidates, testing.count)).map { offset in
                let candidate = shifted[(index + offset) % testing.count]
                let product = zip(weights[index], candidate.products).reduce(0) { $0 + $1.0 * $1.1 }
                return candidate.length > 0 ? product / candidate.length : -.infinity
            }
            // A tie counts against the attacker.
            return likeness.dropFirst().allSatisfy { $0 < likeness[0] }
        }
    }

    /// Class: accuracy beyond that of always predicting the most frequent class of the training images, scaled so that
    /// 1 is always right. Only images whose class occurs in the training images count.
    ///
    /// - Parameter classes: The classes of the images.
    package func classes(_ classes: [Int]) -> LearningCurve? {
        CrossValidation.curve(pictures: count, seed: seed) { self.classes(classes, training: $0, testing: $1) }
    }

    /// The outcomes of one fold of ``classes(_:)``; `nil` where nothing can be learned.
    package func classes(
        _ classes: [Int], training: [Int], testing: [Int]
    ) -> [CrossValidation.Outcome]? {
        precondition(classes.count == count)
        var targets = SymmetricMatrix(size: count)
        for row in 0..<count {
            for column in row..<count where classes[row] == classes[column] { targets[row, column] = 1 }
        }
        let counts = Dictionary(grouping: training, by: { classes[$0] }).mapValues(\.count)
        guard counts.count >= 2, let ridge = KernelRidge(kernels, targets: targets, training: training)
        else { return nil }
        let majority = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
        return testing.map { picture in
            guard counts[classes[picture]] != nil else { return CrossValidation.Outcome(gain: 0, scale: 0) }
            var scores: [Int: Double] = [:]
            for (weight, example) in zip(ridge.weights(of: picture), training) {
                scores[classes[example], default: 0] += weight
            }
            let named = scores.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
            let guess = classes[picture] == majority ? 1.0 : 0.0
            return CrossValidation.Outcome(
                gain: (named == classes[picture] ? 1 : 0) - guess, scale: 1 - guess, isAtEdge: ridge.isAtEdge)
        }
    }
}
