// SPDX-License-Identifier: Apache-2.0
/// What all boundary tensors of a cut together reveal of image and class, without decoding.
package struct JointLeakage: Sendable, Hashable, Codable {
    /// ``DistanceCorrelation`` with the images.
    package let distanceCorrelation: Double?
    /// ``ClassLeakage`` from one and from five labelled images per class; `nil` where too few images share a class.
    package let oneShot: Double?
    package let fiveShot: Double?
    /// The accuracy of guessing in ``oneShot``.
    package let chance: Double?

    /// - Parameters:
    ///   - gram: Inner products of the boundary tensors.
    ///   - pictures: Inner products of the images.
    ///   - classes: The model's predictions, which the mapping unit is to hide.
    package init(gram: SymmetricMatrix, pictures: SymmetricMatrix, classes: [Int], seed: UInt64) {
        distanceCorrelation = DistanceCorrelation.squared(grams: gram, pictures)
        let one = ClassLeakage.accuracy(gram: gram, classes: classes, shots: 1, seed: seed)
        oneShot = one?.accuracy
        chance = one?.chance
        fiveShot = ClassLeakage.accuracy(gram: gram, classes: classes, shots: 5, seed: seed)?.accuracy
    }
}
