/// What everything that crosses a cut says of picture and class at once, without decoding it.
package struct JointLeakage: Sendable, Hashable, Codable {
    /// ``DistanceCorrelation`` with the pictures.
    package let distanceCorrelation: Double?
    /// ``ClassLeakage`` from one and from five labelled pictures per class; `nil` where too few pictures share a class.
    package let oneShot: Double?
    package let fiveShot: Double?
    /// What guessing gives in ``oneShot``.
    package let chance: Double?

    /// - Parameters:
    ///   - gram: Of what crosses.
    ///   - pictures: Inner products of the pictures.
    ///   - classes: The model's answers: what the mapping unit is there to hide.
    package init(gram: SymmetricMatrix, pictures: SymmetricMatrix, classes: [Int], seed: UInt64) {
        distanceCorrelation = DistanceCorrelation.squared(grams: gram, pictures)
        let one = ClassLeakage.accuracy(gram: gram, classes: classes, shots: 1, seed: seed)
        oneShot = one?.accuracy
        chance = one?.chance
        fiveShot = ClassLeakage.accuracy(gram: gram, classes: classes, shots: 5, seed: seed)?.accuracy
    }
}
