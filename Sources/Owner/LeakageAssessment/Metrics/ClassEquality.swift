// SPDX-License-Identifier: Apache-2.0
/// Whether two images have the same class, judged by the distance of their boundary tensors: the probability that a
/// pair of one class is nearer than a pair of two classes. A secret class mapping hides the names of classes but not
/// this.
///
/// - Source: design notes, section 2 (a class permutation is a fixed relabelling: equality and frequency still leak).
package enum ClassEquality {
    /// - Parameters:
    ///   - gram: Inner products of the representations; distances are between vectors scaled to norm 1.
    ///   - classes: The classes of the images.
    /// - Returns: 0.5 is chance, 1 certain; `nil` when no two images share a class or none differ.
    package static func areaUnderCurve(gram: SymmetricMatrix, classes: [Int]) -> Double? {
        precondition(gram.size == classes.count)
        var (same, different): ([Double], [Double]) = ([], [])
        for row in classes.indices {
            for column in classes.indices.dropFirst(row + 1) {
                let norms = (gram[row, row] * gram[column, column]).squareRoot()
                let distance = norms > 0 ? 1 - gram[row, column] / norms : 1
                if classes[row] == classes[column] { same.append(distance) } else { different.append(distance) }
            }
        }
        guard !same.isEmpty, !different.isEmpty else { return nil }
        return AreaUnderCurve.value(positives: same, negatives: different)
    }
}
