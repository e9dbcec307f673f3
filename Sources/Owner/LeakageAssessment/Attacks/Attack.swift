/// An attack on what crosses one cut: it learns from some pictures and is judged on others. ``AttackCatalogue`` lists those
/// that run at every cut, once the decoders have made their reconstructions.
protocol Attack: Sendable {
    associatedtype Found: Finding

    /// Whether it runs again on features under noise and after a trained decoder, which changes the reconstructions.
    static var followsDecoders: Bool { get }

    /// - Returns: `nil` where the attack does not apply.
    static func run(on subject: AttackSubject) throws(AssessmentError) -> Found?
}

/// What is attacked: the pictures on one side, what crosses one cut for them on the other, and what the decoders made of it.
struct AttackSubject {
    let features: CutFeatures
    /// The pictures at the size of the reconstructions.
    let targets: [Picture]
    /// Inner products of ``targets``.
    let pictures: SymmetricMatrix
    /// The model's own answers.
    let classes: [Int]
    /// Inner products of a second network's view of the pictures: see ``SecondViewStage``; `nil` where only attacks run
    /// that ``Attack/followsDecoders``.
    let views: SymmetricMatrix?
    let split: PictureSplit
    let seed: UInt64
    let gates: Gates
    /// Of the best decoder.
    let decoded: DecoderAttack.Outcome
    let judge: ReconstructionJudge

    var testing: [Picture] { split.testing.map { targets[$0] } }
}
