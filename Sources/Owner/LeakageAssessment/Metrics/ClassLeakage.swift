// SPDX-License-Identifier: Apache-2.0
/// Prediction of an image's class from its representation with few labelled examples: nearest class centroid of n
/// examples per class, tested on the rest. Computed from the Gram matrix, as ‖x - c‖² = g_xx - 2 mean_s g_xs + mean_st
/// g_st with s, t over the examples of a class.
///
/// - Source: design notes, section 4 (class leakage at back cuts); Snell et al. 2017 for the nearest-centroid rule.
package enum ClassLeakage {
    package static let draws = 20

    /// Accuracy, mean over seeded draws of the examples.
    ///
    /// - Parameters:
    ///   - gram: Inner products of the representations.
    ///   - classes: The classes of the images. Classes without an image beside the examples are left out.
    ///   - shots: Examples per class.
    /// - Returns: The accuracy, and that of guessing; `nil` where fewer than two classes have enough images.
    package static func accuracy(
        gram: SymmetricMatrix, classes: [Int], shots: Int, seed: UInt64
    ) -> (accuracy: Double, chance: Double)? {
        precondition(gram.size == classes.count && shots > 0)
        let members = Dictionary(grouping: classes.indices, by: { classes[$0] }).filter { $0.value.count > shots }
            .sorted { $0.key < $1.key }.map(\.value)
        guard members.count >= 2 else { return nil }
        var generator = SeededGenerator(seed: seed, purpose: "class examples")
        var accuracies: [Double] = []
        for _ in 0..<draws {
            var (examples, tests): ([[Int]], [(picture: Int, group: Int)]) = ([], [])
            for (group, pictures) in members.enumerated() {
                let order = generator.permutation(of: pictures.count).map { pictures[$0] }
                examples.append(Array(order.prefix(shots)))
                tests += order.dropFirst(shots).map { ($0, group) }
            }
            accuracies.append(share(of: tests, classifiedBy: examples, gram))
        }
        return (Statistics.mean(accuracies), 1 / Double(members.count))
    }

    /// The share of `tests` whose nearest centroid is that of their own group; a tie is a miss unless the first of the
    /// nearest is right.
    package static func share(
        of tests: [(picture: Int, group: Int)], classifiedBy examples: [[Int]], _ gram: SymmetricMatrix
    ) -> Double {
        let norms = examples.map { group in
            group.reduce(0) { sum, s in group.reduce(sum) { $0 + gram[s, $1] } } / Double(group.count * group.count)
        }
        let hits = tests.count { picture, group in
            let distances = examples.indices.map { index in
                let overlap = examples[index].reduce(0) { $0 + gram[picture, $1] } / Double(examples[index].count)
                return norms[index] - 2 * overlap
            }
            return distances.indices.min { distances[$0] < distances[$1] } == group
        }
        return tests.isEmpty ? 0 : Double(hits) / Double(tests.count)
    }
}
