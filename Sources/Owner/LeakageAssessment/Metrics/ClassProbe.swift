// SPDX-License-Identifier: Apache-2.0
/// A linear probe of the boundary tensors: ridge regression onto one column per class, in its dual form; the largest
/// output is the prediction. It shows how much of the class an attacker with many labelled representations can predict.
///
/// - Source: Alain and Bengio 2016 (linear probes); ridge with exact leave-one-out as in ``DualRidge``.
package enum ClassProbe {
    package static let minimumTests = 8

    /// The probe's accuracy on the test images.
    ///
    /// - Parameters:
    ///   - gram: Inner products of the representations of all images.
    ///   - classes: The classes of all images.
    /// - Returns: The accuracy, and that of always predicting the most frequent class, over the test images whose class
    ///   occurs in the training images; `nil` when those are fewer than ``minimumTests``, the training images have one
    ///   class only, or their representations do not differ.
    package static func accuracy(
        gram: SymmetricMatrix, classes: [Int], split: PictureSplit
    ) -> (accuracy: Double, majority: Double)? {
        let known = Set(split.training.map { classes[$0] }).sorted()
        let testing = split.testing.filter { known.contains(classes[$0]) }
        guard known.count >= 2, testing.count >= minimumTests else { return nil }
        let targets = classes.map { label in
            Picture(height: 1, width: known.count, channels: 1, values: known.map { $0 == label ? 1 : 0 })
        }
        guard let ridge = DualRidge(gram: gram, targets: targets, training: split.training) else { return nil }
        let hits = testing.count { picture in
            let answer = ridge.prediction(of: picture)
            return known[answer.indices.max { answer[$0] < answer[$1] } ?? 0] == classes[picture]
        }
        let counts = known.map { label in split.training.count { classes[$0] == label } }
        let majority = known[counts.indices.max { counts[$0] < counts[$1] } ?? 0]
        let tests = Double(testing.count)
        return (Double(hits) / tests, Double(testing.count { classes[$0] == majority }) / tests)
    }
}
