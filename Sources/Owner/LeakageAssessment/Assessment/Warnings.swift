// SPDX-License-Identifier: Apache-2.0
internal import Imaging
internal import ModelGraph

/// What weakens the results: texts for the report and the terminal.
package enum Warnings {
    /// Below this largest probability the validator counts as unsure of an image.
    static let confidence = 0.8
    private static let wanted = 60
    private static let wantedByDecoders = 200

    static func texts(
        _ context: StageContext, truths: Truths, measured: [CutMeasurement]
    ) throws(AssessmentError) -> [String] {
        let (set, decoded) = (context.pictures, context.decoded)
        let (skipped, judged, unsure) = (set.skipped, truths.count, try unsure(truths))
        var texts: [String] = []
        if set.entries.count + skipped.count < set.files {
            texts.append(
                used(
                    set.entries.count, of: set.files, limit: context.configuration.imageLimit,
                    drawnWith: set.isDrawn ? context.seed : nil))
        }
        if let first = skipped.first {
            texts.append(
                "\(skipped.count) of the files could not be used and were passed over, such as \(first.name): "
                    + first.reason)
        }
        if let frames = set.framesWarning { texts.append(frames) }
        let plain = set.entries.count(where: \.isPlain)
        if plain > 0 {
            texts.append("\(plain) of the pictures have one colour: there is nothing in them to recover.")
        }
        if Set(try truths.map(\.likeliestClass)).count == 1 {
            texts.append(
                "The validator sees one class in all pictures, so the channel KL cannot tell a picture from another, and its "
                    + "gates are not met.")
        }
        if context.configuration.validator == nil {
            texts.append(
                "No validator was given, so the model judged its own IR images: the channel KL is not independent. The "
                    + "model is also the second network of the attack on identity: an independent one sees other "
                    + "properties of a picture, and may identify more. Give an independent classifier with --validator."
            )
        }
        if unsure > 0 {
            texts.append(
                "The validator is unsure (p < \(Format.number(confidence))) of \(unsure) of the \(judged) pictures of the "
                    + "channel KL: its gates do not count them. The decoders are not affected.")
        }
        if judged < wanted {
            texts.append(
                "\(judged) pictures for the channel KL; \(wanted) without a failure would bound the failing share at 5 %."
            )
        }
        let integers = context.cuts.filter { !$0.isOfFloats(in: context.model.graph) }
        if context.configuration.triesNoise, let first = integers.first {
            let others = integers.count > 1 ? " and \(integers.count - 1) other cuts" : ""
            texts.append(
                "No noise was tried at '\(first.name)'\(others), where integers cross: the enclave adds noise to "
                    + "floats. Choose a cut before a quantisation.")
        }
        if decoded < wantedByDecoders {
            texts.append(
                "\(decoded) pictures to learn from: the learning curves are short, and what they say of an attacker with "
                    + "\(context.configuration.attackerPictures) is uncertain. \(wantedByDecoders) or more are recommended."
            )
        }
        return texts
    }

    /// Which of the folder's images were used, if not all were.
    ///
    /// - Parameter seed: The seed of the random sample; `nil` if the first by name were used.
    package static func used(_ count: Int, of files: Int, limit: Int?, drawnWith seed: UInt64?) -> String {
        let used = "\(count) of \(files) pictures used, "
        let poor = "names that say the class or the day make a poor sample"
        guard let seed else { return used + "the first by name, as --limit asks: \(poor)." }
        let drawn = used + "drawn at random with seed \(seed)"
        guard let limit, limit < files else { return drawn + "; --decoder-images takes more." }
        return drawn + " from the first \(limit) by name (--limit; --decoder-images takes more): \(poor)."
    }

    /// Warnings from bounds and white-box attack.
    static func texts(
        bounds: BoundsStage.Outcome, measured: [CutMeasurement], verdicts: [GateVerdict], gates: Gates
    ) -> [String] {
        var texts: [String] = []
        if case .none(let reason?) = bounds { texts.append("The bounds could not be estimated: \(reason)") }
        for (cut, verdict) in zip(measured, verdicts) {
            guard let attack = cut.whiteBox, verdict.asAssessed.passes, let limit = gates[.rSquared],
                attack.rSquared > limit
            else {
                continue
            }
            // Its gate does not count: appearance is not protected, or the paper's adversary has no gradient.
            texts.append(
                "At '\(cut.name)', within the gates, the white-box attack recovers R² "
                    + "\(Format.number(attack.rSquared)), more than the decoders may: the FrontNet must stay secret."
            )
        }
        return texts
    }

    /// Which cuts do not pass because an attack did not run there.
    package static func untried(_ cuts: [CutMeasurement]) -> [String] {
        UntriedAttacks.Kind.allCases.compactMap { kind in
            let names = cuts.filter { $0.findings[UntriedAttacks.self]?.kinds.contains(kind) == true }.map(\.name)
            guard !names.isEmpty else { return nil }
            let list = names.map { "'\($0)'" }.joined(separator: ", ")
            let what =
                switch kind {
                case .trainedDecoder: "No trained decoder attacked \(list)"
                case .channelKL: "The channel KL was not measured at \(list)"
                case .whiteBox:
                    "No white-box attack ran at \(list) (omitted, no time left, or a layer has no derivative)"
                }
            return what + ": there, and at shallower cuts, there is not enough evidence for a pass."
        }
    }

    /// The deeper candidate cuts that were not assessed, where a cut would pass without them.
    ///
    /// - Parameters:
    ///   - cuts: Shallowest first.
    ///   - verdicts: One per cut.
    package static func leftOut(_ cuts: [CutMeasurement], _ verdicts: [GateVerdict]) -> [String] {
        let open = zip(cuts, verdicts).first { $1.asAssessed.passes && !$1.unassessed.isEmpty }
        return open.map { [leftOut(after: $0.name, $1.unassessed)] } ?? []
    }

    /// Why a cut does not pass without these deeper cuts, and what to do.
    ///
    /// - Parameter unassessed: Names, at least one.
    package static func leftOut(after cut: String, _ unassessed: [String]) -> String {
        let names = unassessed.map { "'\($0)'" }.joined(separator: ", ")
        let those = unassessed.count == 1 ? "the deeper cut \(names) was" : "the deeper cuts \(names) were"
        return
            "No assessed cut from '\(cut)' on exceeds a gate, but \(those) not assessed. A leak there is a leak after "
            + "'\(cut)' too, so there is not enough evidence for a pass: omit --cut, name "
            + "\(unassessed.count == 1 ? "this cut" : "these cuts") with --cut too, or give --budget more time."
    }

    /// Number of images that the validator is unsure of.
    static func unsure(_ truths: Truths) throws(AssessmentError) -> Int {
        try truths.map(\.confidence).count { $0 < confidence }
    }
}
