// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Agreement of unsupervised clusters with classes: k-means, then normalised mutual information.
///
/// - Source: Lloyd 1982, Arthur and Vassilvitskii 2007 (k-means++); NMI = 2 I(A;B) / (H(A) + H(B)), Strehl and Ghosh
///   2002 with the arithmetic mean.
package enum ClusterAgreement {
    package static let restarts = 10
    package static let maximumSteps = 100

    /// k-means with as many clusters as classes, the best of several seeded starts.
    ///
    /// - Returns: The normalised mutual information, 0 to 1; `nil` for fewer than two classes.
    package static func information(gram: SymmetricMatrix, classes: [Int], seed: UInt64) -> Double? {
        precondition(gram.size == classes.count)
        let clusters = Set(classes).count
        guard clusters >= 2 else { return nil }
        var generator = SeededGenerator(seed: seed, purpose: "k-means")
        let distances = gram.squaredDistances
        var best: (cost: Double, assignment: [Int])?
        for _ in 0..<restarts {
            let centers = start(distances, clusters: clusters, &generator)
            let initial = classes.indices.map { picture in
                centers.indices.min { distances[picture, centers[$0]] < distances[picture, centers[$1]] } ?? 0
            }
            let found = refined(gram: gram, initial: initial, clusters: clusters)
            if found.cost < best?.cost ?? .infinity { best = found }
        }
        return best.flatMap { normalizedInformation($0.assignment, classes) }
    }

    /// k-means++ initialisation: each next centroid is an image drawn with a probability proportional to its squared
    /// distance from the nearest one.
    private static func start(
        _ distances: SymmetricMatrix, clusters: Int, _ generator: inout SeededGenerator
    ) -> [Int] {
        var centers = [generator.index(below: distances.size)]
        while centers.count < clusters {
            let nearest = (0..<distances.size).map { picture in
                centers.reduce(Double.infinity) { min($0, distances[picture, $1]) }
            }
            var target = generator.uniform() * nearest.reduce(0, +)
            let chosen = nearest.indices.first { index in
                target -= nearest[index]
                return target <= 0 && !centers.contains(index)
            }
            guard let next = chosen ?? nearest.indices.first(where: { !centers.contains($0) }) else { break }
            centers.append(next)
        }
        return centers
    }

    /// Lloyd's iterations from a given assignment until it does not change.
    ///
    /// - Returns: The assignment, and the sum of squared distances to the centroids.
    package static func refined(
        gram: SymmetricMatrix, initial: [Int], clusters: Int
    ) -> (cost: Double, assignment: [Int]) {
        var assignment = initial
        var cost = Double.infinity
        for _ in 0..<maximumSteps {
            let members = (0..<clusters).map { cluster in assignment.indices.filter { assignment[$0] == cluster } }
            let norms = members.map { group in
                group.isEmpty
                    ? Double.infinity
                    : group.reduce(0) { sum, s in group.reduce(sum) { $0 + gram[s, $1] } }
                        / Double(group.count * group.count)
            }
            cost = 0
            let next = assignment.indices.map { picture in
                var best = (distance: Double.infinity, cluster: assignment[picture])
                for cluster in 0..<clusters where !members[cluster].isEmpty {
                    let overlap =
                        members[cluster].reduce(0) { $0 + gram[picture, $1] } / Double(members[cluster].count)
                    let distance = gram[picture, picture] + norms[cluster] - 2 * overlap
                    if distance < best.distance { best = (distance, cluster) }
                }
                cost += max(0, best.distance)
                return best.cluster
            }
            if next == assignment { break }
            assignment = next
        }
        return (cost, assignment)
    }

    /// - Returns: 0 to 1; `nil` when both labelings have one value only.
    package static func normalizedInformation(_ a: [Int], _ b: [Int]) -> Double? {
        precondition(a.count == b.count)
        func entropy<Key: Hashable>(_ keys: [Key]) -> Double {
            let counts = Dictionary(grouping: keys, by: { $0 }).values.map { Double($0.count) / Double(keys.count) }
            // Sorted, so that the sum does not depend on the dictionary's order.
            return -counts.sorted().reduce(0) { $0 + $1 * log($1) }
        }
        let (first, second) = (entropy(a), entropy(b))
        guard first + second > 0 else { return nil }
        let joint = entropy(zip(a, b).map { [$0, $1] })
        return min(1, max(0, 2 * (first + second - joint) / (first + second)))
    }
}
