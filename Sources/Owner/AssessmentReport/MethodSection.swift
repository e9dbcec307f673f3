// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment

/// The method of the measurements, for reproduction.
struct MethodSection {
    let result: AssessmentResult

    var html: String {
        """
        <section class="method" id="method"><h2>How this was measured</h2>
        <dl>
        <dt>Adversaries</dt><dd><b>Paper</b>: the FrontNet is secret and cannot be queried; one channel at a time is shown to
        a validator. <b>Informed</b>: knows or imitates the FrontNet, and decodes all channels together. \(followed)</dd>
        <dt>Channel KL</dt><dd>\(channelKL)</dd>
        <dt>Decoders</dt><dd>Ridge regression from the 3×3 neighbourhood of each cell to its patch of pixels (at most
        \(LocalRidge.maximumChannels) channels, random orthogonal projection), the same with \(RandomFeatures.units) random
        features (ELM), and from everything that crosses to the whole picture; for vectors also perceptrons. \(trained)The best on validation pictures is
        tested: it learned from \(result.trainingImages) pictures, and is judged on \(result.testImages) others. R² is over the
        mean training picture; its standard error is from \(Bootstrap.draws) bootstrap draws. SSIM: Gaussian window 1.5, 11 taps.</dd>
        <dt>Attacks at every cut</dt><dd>\(HTML.escape(AttackCatalogue.methods.joined(separator: " ")))\(secondNetwork)</dd>
        <dt>Learning curves</dt><dd>\(curves)</dd>
        \(whiteBox)<dt>Gates “\(HTML.escape(result.gates.name))”</dt><dd>\(GatesSentence.text(result))</dd>
        <dt>Choice</dt><dd>\(HTML.escape(result.recommendation.rule)). Softmax and class mapping are always inside.</dd>
        \(mappingUnit)
        <dt>Not covered</dt><dd>\(notCovered) Attackers with a
        pre-trained generator (FIA-Flow, arXiv 2511.15316; guided diffusion on features, 2509.07936; FORA, 2405.04115; PFO,
        2508.20613) make realistic pictures of the right content from deep features: a low R² or SSIM does not exclude that,
        and whoever has candidates identifies yours. No
        number here proves a cut safe; a cut within the gates is one after which no tested attack exceeded them.</dd>
        </dl>
        <table class="facts"><tbody>
        \(network("Model", result.model))
        \(result.validator.map { network("Validator", $0) } ?? "<tr><th scope=\"row\">Validator</th><td>the model itself</td></tr>")
        <tr><th scope="row">Pictures</th><td>\(result.images) of \(result.folderImages) used, \(result.skipped.count) passed over</td></tr>
        <tr><th scope="row">Software</th><td>\(software)</td></tr>
        <tr><th scope="row">Seed</th><td>\(result.seed)</td></tr>
        <tr><th scope="row">Formats</th><td>assessment.json \(AssessmentJSON.version), plan.json \(PartitionPlan.version); \
        \(times)</td></tr>
        </tbody></table></section>
        """
    }

    private var secondNetwork: String {
        result.validator == nil
            ? " The second network is the model itself here, since no validator was given: an independent one may identify more."
            : ""
    }

    private var curves: String {
        "Kernel ridge regression and perceptrons learn from an eighth to all of the pictures, "
            + "\(CrossValidation.folds)-fold cross-validated; decoders of maps from a quarter on, where they are within the gate; SSIM, decoder-KL and top-1 as well. The gates are judged at \(result.attackerPictures) pictures. The "
            + "estimate repeats the last gain for each doubling. The interval reaches from the measured value to a power law "
            + "with that relative gain, or to twice that gain for each doubling, with 1.65 standard errors. A curve that does not beat "
            + "the mean picture by \(Format.number(LearningCurve.evidenceDeviations)) standard errors, or whose upper end is above the limit, is “not enough evidence”, which does not pass."
    }

    private var followed: String {
        switch result.adversary {
        case .paper: "The recommendation follows the paper’s adversary alone."
        case .informed: "The recommendation follows the informed one; the channel KL was not measured."
        case .both: "The recommendation has to hold against both."
        }
    }

    private var channelKL: String {
        guard result.cuts.contains(where: { $0.channelKL != nil }) else { return "Not measured." }
        return """
            Every channel of every tensor that crosses becomes an IR image: min-max normalised, resized bilinearly to the \
            validator’s input, shown to the validator. Of KL(F(x) ‖ F(IR)) in nats (floor 10⁻¹²) the minimum over all channels \
            counts, over \(result.channelImages) pictures drawn at random (fewer at cuts that fail another gate); share and AUC count those of them whose class the validator is sure of. The null is the same minimum for the IR of other \
            pictures; AUC is the chance that a picture’s own minimum is below one of its nulls. The paper asks for a minimum \
            above the uniform baseline ln C − H(F(x)).
            """
    }

    private var trainedCuts: Int {
        result.cuts.count { cut in
            (cut.decoder.trials + (cut.noise?.decoder.trials ?? [])).contains { $0.kind == .trained }
        }
    }

    private var trained: String {
        guard trainedCuts > 0 else { return "" }
        return
            "At \(trainedCuts) of the \(result.cuts.count) cuts an up-convolutional network is trained too, to correct the best "
            + "local decoder (MSE and SSIM, Adam, early stop). "
    }

    private var attacked: [WhiteBoxScores] { result.cuts.compactMap(\.whiteBox) }

    private var whiteBox: String {
        guard let pictures = attacked.first?.pictures else { return "" }
        return
            "<dt>White box</dt><dd>At \(attacked.count) of the \(result.cuts.count) cuts the FrontNet’s own gradient: from the "
            + "mean picture on, \(result.whiteBox.steps) steps of Adam descend ‖f(x) − e‖², relative to the mean picture’s, and a "
            + "total-variation prior of weight \(Format.number(result.whiteBox.smoothness)), for \(pictures) "
            + "\(pictures == 1 ? "picture" : "pictures") each. Its R² counts as a floor of what an attacker reaches.</dd>\n"
    }

    /// Attacks that were not made.
    private var notCovered: String {
        var missing = attacked.isEmpty ? ["optimisation attacks through the FrontNet"] : []
        if trainedCuts == 0 { missing.append("trained decoders") }
        missing += ["generative attacks", "several observations of one picture"]
        let text = missing.dropLast().joined(separator: ", ") + " and " + missing[missing.count - 1]
        return text.prefix(1).uppercased() + text.dropFirst() + "."
    }

    private var times: String {
        guard result.modelMilliseconds != nil else { return "times not measured" }
        return "times with \(result.threads) \(result.threads == 1 ? "thread" : "threads"), fastest of up to 7 runs"
    }

    private var software: String {
        let versions = SoftwareVersions.current
        return "infenclave \(SoftwareVersions.program), oneDNN \(HTML.escape(versions.oneDNN)), "
            + HTML.escape(versions.openBLAS)
    }

    private var mappingUnit: String {
        guard let leakage = result.mappingLeakage else { return "" }
        func text(_ value: Double?) -> String { value.map(Format.number) ?? "not measurable" }
        return
            "<dt>Mapping unit</dt><dd>It hides the names of classes, not their equality. Its input, over \(leakage.classes) "
            + "classes that the model predicted: a pair of one class is nearer than a pair of two with probability "
            + "\(text(leakage.equalityAreaUnderCurve)); clusters agree with classes (NMI) \(text(leakage.clusterInformation)); "
            + "accuracy of a linear probe \(text(leakage.probeAccuracy)) (always the likeliest class: "
            + "\(text(leakage.majorityShare))); accuracy from one labelled picture per class \(text(leakage.oneShot)) (guessing: "
            + "\(text(leakage.chance))).</dd>"
    }

    private func network(_ title: String, _ network: AssessmentResult.NetworkDescription) -> String {
        "<tr><th scope=\"row\">\(title)</th><td>\(HTML.escape(network.name)), \(network.width)×\(network.height), \(network.classes) classes, "
            + "\(Format.count(network.parameters)) parameters, \(Format.count(network.multiplyAdds)) multiply-adds<br>"
            + "<code>SHA-256 \(HTML.escape(network.sha256))</code></td></tr>"
    }
}
