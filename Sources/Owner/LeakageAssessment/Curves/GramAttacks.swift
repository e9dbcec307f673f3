/// The attacks whose learning curves decide, each from inner products alone: what crosses on one side, the picture, a
/// second network's view of it, or its class on the other.
package struct GramAttacks {
    private let kernels: KernelRidge.Kernels
    private let seed: UInt64

    /// - Parameter features: Inner products of what crosses, of all pictures.
    package init(features: SymmetricMatrix, seed: UInt64) {
        kernels = KernelRidge.Kernels(gram: features)
        self.seed = seed
    }

    private var count: Int { kernels.size }

    /// The picture's appearance: R² of the reconstruction, 1 - ‖x - x̂‖² / ‖x - x̄‖².
    ///
    /// - Parameter pictures: Inner products of the pictures.
    package func appearance(pictures: SymmetricMatrix) -> LearningCurve? {
        precondition(pictures.size == count)
        return CrossValidation.curve(pictures: count, seed: seed) { training, testing in
            guard let ridge = KernelRidge(kernels, targets: pictures, training: training) else { return nil }
            let among = training.map { row in training.map { pictures[row, $0] } }
            let mean = Statistics.mean(among.map(Statistics.mean))
            return testing.map { picture in
                let weights = ridge.weights(of: picture)
                let own = training.map { pictures[picture, $0] }
                let overlap = zip(weights, own).reduce(0) { $0 + $1.0 * $1.1 }
                var norm = 0.0
                for (weight, row) in zip(weights, among) {
                    norm += weight * zip(weights, row).reduce(0) { $0 + $1.0 * $1.1 }
                }
                let square = pictures[picture, picture]
                let scale = square - 2 * Statistics.mean(own) + mean
                return CrossValidation.Outcome(gain: scale - (square - 2 * overlap + norm), scale: scale)
            }
        }
    }

    /// Among so many pictures at most one is to be found, its own included: figures of few and of many pictures compare.
    package static let maximumCandidates = 40

    /// The picture's identity: the share of pictures that are found among others of the fold by a second network's view of
    /// them.
    /// The attack predicts that view from what crosses, and takes the candidate whose view correlates best with it, the
    /// mean of the training pictures removed.
    ///
    /// - Parameters:
    ///   - views: Inner products of the second network's view of the pictures (rows and columns below `count`), and of
    ///     other versions of them, cropped and recoloured (those from `count` on, in the same order).
    ///   - versions: Whether the candidates are the other versions.
    package func identity(views: SymmetricMatrix, versions: Bool) -> LearningCurve? {
        precondition(views.size == 2 * count)
        let original = views.leading(count)
        return CrossValidation.curve(pictures: count, seed: seed) { training, testing in
            guard let ridge = KernelRidge(kernels, targets: original, training: training) else { return nil }
            let candidates = testing.map { $0 + (versions ? count : 0) }
            // Views about the training pictures' mean m: ⟨z - m, c - m⟩ with z = Σ w z_i and Σ w = 1.
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
                let weights = ridge.weights(of: testing[index])
                // The picture first, then those after it in the fold.
                let likeness = (0..<min(Self.maximumCandidates, testing.count)).map { offset in
                    let candidate = shifted[(index + offset) % testing.count]
                    let product = zip(weights, candidate.products).reduce(0) { $0 + $1.0 * $1.1 }
                    return candidate.length > 0 ? product / candidate.length : -.infinity
                }
                // A tie counts against the attacker.
                let found = likeness.dropFirst().allSatisfy { $0 < likeness[0] }
                return CrossValidation.Outcome(gain: found ? 1 : 0, scale: 1)
            }
        }
    }

    /// The picture's class: how much better than always naming the likeliest class of the training pictures, 1 for every
    /// class named. Only pictures whose class the attack has learned of count.
    ///
    /// - Parameter classes: Of the pictures.
    package func classes(_ classes: [Int]) -> LearningCurve? {
        precondition(classes.count == count)
        var targets = SymmetricMatrix(size: count)
        for row in 0..<count {
            for column in row..<count where classes[row] == classes[column] { targets[row, column] = 1 }
        }
        return CrossValidation.curve(pictures: count, seed: seed) { training, testing in
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
                return CrossValidation.Outcome(gain: (named == classes[picture] ? 1 : 0) - guess, scale: 1 - guess)
            }
        }
    }
}
