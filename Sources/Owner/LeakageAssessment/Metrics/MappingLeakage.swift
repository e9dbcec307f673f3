// SPDX-License-Identifier: Apache-2.0
/// What the host learns about the class from the tensors that it passes to the mapping unit. Hiding the names of the
/// classes does not hide which images share a class, nor, with a few labelled images, which class it is.
package struct MappingLeakage: Sendable, Hashable, Codable {
    /// Number of different classes that the model predicted.
    package let classes: Int
    /// ``ClusterAgreement``: 0 to 1.
    package let clusterInformation: Double?
    /// ``ClassProbe``, and the accuracy of always predicting the most frequent class.
    package let probeAccuracy: Double?
    package let majorityShare: Double?
    /// ``ClassEquality``: 0.5 is chance.
    package let equalityAreaUnderCurve: Double?
    /// ``ClassLeakage`` from one labelled image per class, and the accuracy of guessing.
    package let oneShot: Double?
    package let chance: Double?
    /// The share of images whose predicted class is the index of the largest value in the mapping unit's input; `nil`
    /// where there is not one value per class.
    package let readout: Double?

    /// - Parameters:
    ///   - gram: Inner products of the mapping unit's inputs.
    ///   - classes: The model's predictions.
    ///   - largest: Indices of the largest value of each input; `nil` where there is not one value per class.
    package init(
        gram: SymmetricMatrix, classes: [Int], largest: [Int]? = nil, split: PictureSplit, seed: UInt64
    ) {
        readout = largest.map { found in
            Double(zip(found, classes).count { $0 == $1 }) / Double(max(1, classes.count))
        }
        self.classes = Set(classes).count
        clusterInformation = ClusterAgreement.information(gram: gram, classes: classes, seed: seed)
        let probe = ClassProbe.accuracy(gram: gram, classes: classes, split: split)
        probeAccuracy = probe?.accuracy
        majorityShare = probe?.majority
        equalityAreaUnderCurve = ClassEquality.areaUnderCurve(gram: gram, classes: classes)
        let one = ClassLeakage.accuracy(gram: gram, classes: classes, shots: 1, seed: seed)
        oneShot = one?.accuracy
        chance = one?.chance
    }
}
