// SPDX-License-Identifier: Apache-2.0
extension Metric {
    /// R² of the decoders, with the images at hand.
    package static let rSquared = Metric("rSquared", of: .appearance, gate: .rSquared, attacks: []) {
        "with the pictures at hand, R² + 1.65 sd reaches \(Format.number($0.value)) (\(limit($0)))"
    }
    /// R² of an attacker with ``AssessmentConfiguration/attackerPictures``.
    package static let extrapolatedRSquared = Metric(
        "extrapolatedRSquared", of: .appearance, judgement: .interval, gate: .rSquared,
        attacks: [.trainedDecoder, .whiteBox],
        column: .init("picture", rank: 13)
    ) {
        $0.outcome == .notEnoughEvidence
            ? "there is not enough evidence that R² stays low: up to \(Format.number($0.value)) is not excluded (\(limit($0)))"
            : "the attacker is expected to reach R² \(Format.number($0.estimate)) (\(limit($0)))"
    }
    /// SSIM gain over the mean image, for the attacker with more images.
    package static let similarityGain = Metric(
        "similarityGain", of: .appearance, judgement: .interval, gate: .similarityGain, attacks: [.trainedDecoder],
        measure: .similarity
    ) {
        $0.outcome == .notEnoughEvidence
            ? "there is not enough evidence that SSIM stays low: up to \(Format.number($0.value)) over the mean picture is "
                + "not excluded (\(limit($0)))"
            : "SSIM is expected to reach \(Format.number($0.estimate)) over the mean picture (\(limit($0)))"
    }
    /// The share of images whose channel KL is above the uniform baseline.
    package static let passFraction = Metric(
        "passFraction", of: .appearance, by: .paper, leaks: .low, gate: .passFraction, attacks: [.channelKL]
    ) {
        $0.outcome == .notEnoughEvidence
            ? noChannelKL
            : "at least \(Format.percent($0.value)) of the pictures are shown to pass the KL (needed "
                + "\(Format.percent($0.limit)))"
    }
    /// AUC of the channel KL: how well it tells an image from others.
    package static let areaUnderCurve = Metric(
        "areaUnderCurve", of: .appearance, by: .paper, gate: .areaUnderCurve, attacks: [.channelKL]
    ) {
        $0.outcome == .notEnoughEvidence
            ? noChannelKL : "KL tells pictures apart with AUC + 1.65 se \(Format.number($0.value)) (\(limit($0)))"
    }
    /// Decoder-KL, matched over mismatched, for the attacker with more images. What a classifier recognises in a
    /// reconstruction is its class.
    package static let decoderDivergenceRatio = Metric(
        "decoderDivergenceRatio", of: .class, leaks: .low, judgement: .interval, gate: .decoderDivergenceRatio,
        attacks: [.trainedDecoder], measure: .recognition
    ) {
        $0.outcome == .notEnoughEvidence
            ? "there is not enough evidence that reconstructions stay unrecognisable: decoder-KL down to "
                + "\(Format.number($0.value)) of its null is not excluded (needed \(Format.number($0.limit)))"
            : "decoder-KL is expected to fall to \(Format.number($0.estimate)) of its null (needed "
                + "\(Format.number($0.limit)))"
    }
    /// Top-1 retrieval rate by reconstruction, for the attacker with more images; chance is one over the number of
    /// candidates.
    package static let retrieval = Metric(
        "retrieval", of: .identity, judgement: .interval, gate: .retrieval, attacks: [.trainedDecoder],
        measure: .retrieval
    ) {
        $0.outcome == .notEnoughEvidence
            ? "there is not enough evidence that reconstructions identify no picture: up to "
                + "\(Format.percent($0.value)) is not excluded (\(share($0)))"
            : "reconstructions are expected to identify \(Format.percent($0.estimate)) of the pictures (\(share($0)))"
    }
    /// The identification rate by a second network's features or by the reconstruction, for the attacker with more
    /// images.
    package static let identification = Metric(
        "identification", of: .identity, judgement: .interval, gate: .identification, attacks: [],
        column: .init("identity", rank: 12)
    ) { identified($0, among: nil) }
    /// Accuracy beyond guessing of the class, for the attacker with more images.
    package static let classGain = Metric(
        "classGain", of: .class, judgement: .interval, gate: .classGain, attacks: [], column: .init("class", rank: 11)
    ) {
        $0.outcome == .notEnoughEvidence
            ? "there is not enough evidence that the class stays hidden (give several pictures of each class)"
            : "the class is named in \(Format.percent($0.estimate)) of the cases that guessing misses (\(share($0)))"
    }

    /// All metrics, in the order of verdicts.
    package static let all = [
        rSquared, extrapolatedRSquared, similarityGain, passFraction, areaUnderCurve, decoderDivergenceRatio, retrieval,
        identification, classGain,
    ]

    /// The metric of an asset for the attacker with more images.
    package static func ofAttacker(_ asset: Asset) -> Metric {
        switch asset {
        case .appearance: extrapolatedRSquared
        case .identity: identification
        case .class: classGain
        }
    }

    /// The sentence about a check, which tells how many candidates a picture is identified among.
    ///
    /// - Parameter candidates: As in ``AssetEvidence/candidates``; `nil` where that is unknown.
    package func sentence(_ check: GateVerdict.Check, among candidates: Int?) -> String {
        self == .identification ? Self.identified(check, among: candidates) : sentence(check)
    }

    private static func identified(_ check: GateVerdict.Check, among candidates: Int?) -> String {
        let others = candidates.map { "\($0)" } ?? "others"
        return check.outcome == .notEnoughEvidence
            ? "there is not enough evidence that pictures stay unidentified among \(others): up to "
                + "\(Format.percent(check.value)) is not excluded (\(share(check)))"
            : "the attacker is expected to identify \(Format.percent(check.estimate)) of the pictures among \(others) "
                + "(\(share(check)))"
    }

    private static let noChannelKL = "the channel KL was not measured at this or a deeper cut"
    private static func limit(_ check: GateVerdict.Check) -> String { "limit \(Format.number(check.limit))" }
    private static func share(_ check: GateVerdict.Check) -> String { "limit \(Format.percent(check.limit))" }
}
