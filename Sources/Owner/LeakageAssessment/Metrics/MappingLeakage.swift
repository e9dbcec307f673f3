/// What the untrusted host learns of the class from what it hands to the mapping unit. Hiding the names of the classes
/// does not hide which pictures share one, nor, after a few labelled pictures, which class it is.
package struct MappingLeakage: Sendable, Hashable, Codable {
    /// Classes that the model gave to the pictures.
    package let classes: Int
    /// ``ClusterAgreement``: 0 to 1.
    package let clusterInformation: Double?
    /// ``ClassProbe``, and what always naming the likeliest class gives.
    package let probeAccuracy: Double?
    package let majorityShare: Double?
    /// ``ClassEquality``: 0.5 is chance.
    package let equalityAreaUnderCurve: Double?
    /// ``ClassLeakage`` from one labelled picture per class, and what guessing gives.
    package let oneShot: Double?
    package let chance: Double?
    /// The share of pictures whose class is the position of the largest value that crosses; `nil` where there is not one
    /// value for each class.
    package let readout: Double?

    /// - Parameters:
    ///   - gram: Of what crosses to the mapping unit.
    ///   - classes: The model's answers.
    ///   - largest: Positions of the largest value that crosses; `nil` where there is not one for each class.
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
