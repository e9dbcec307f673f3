// SPDX-License-Identifier: Apache-2.0
/// An attack on the boundary tensors of one cut: it learns from some images and is tested on others.
/// ``AttackCatalogue`` lists those that run at every cut, after the decoders have computed their reconstructions.
protocol Attack: Sendable {
    associatedtype Found: Finding

    /// Whether it runs again on features under noise and after a trained decoder, which changes the reconstructions.
    static var followsDecoders: Bool { get }

    /// What it does, for the report's method section: a sentence for people, with its full stop.
    static var method: String { get }

    /// - Returns: `nil` where the attack does not apply.
    static func run(on subject: AttackSubject) throws(AssessmentError) -> Found?
}

/// The data of an attack: the images, the boundary tensors of one cut for them, and the decoders' reconstructions.
struct AttackSubject {
    let features: CutFeatures
    /// The images at the size of the reconstructions.
    let targets: [Picture]
    /// Inner products of ``targets``.
    let pictures: SymmetricMatrix
    /// The model's own predictions.
    let classes: [Int]
    /// Inner products of a second network's features of the images: see ``SecondViewStage``; `nil` where only attacks
    /// with ``Attack/followsDecoders`` run.
    let views: SymmetricMatrix?
    let split: PictureSplit
    let seed: UInt64
    let gates: Gates
    /// The best decoder's outcome.
    let decoded: DecoderAttack.Outcome
    let judge: ReconstructionJudge
    /// Options of the trained decoder that was among the decoders; `nil` for none.
    let training: TrainedDecoder.Options?
    let cancellation: CancellationFlag
    /// The findings of the attacks before this one.
    var found = CutFindings()

    /// Whether the images at hand show that an attack exceeds the gate of a metric.
    func exceeds(_ metric: Metric, _ found: LeakEstimate) -> Bool {
        guard let limit = gates[metric.gate] else { return false }
        return metric.leaks == .high ? found.lower > limit : found.upper < limit
    }

    /// Whether the decoders are shown to exceed the gate with the images at hand: then more images do not change the
    /// verdict, and expensive learning curves are left out.
    var exceedsGate: Bool {
        exceeds(.rSquared, LeakEstimate(decoded.scores.rSquared, standardError: decoded.scores.rSquaredError))
    }

    var testing: [Picture] { split.testing.map { targets[$0] } }
}
