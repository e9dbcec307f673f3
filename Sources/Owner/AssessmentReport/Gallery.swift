// SPDX-License-Identifier: Apache-2.0
internal import FoundationEssentials
internal import Imaging
internal import LeakageAssessment

/// Example images beside what a cut reveals of them, one cut at a time.
///
/// Radio buttons before the panels select the visible one, so stepping needs no script: the arrow keys move between the
/// buttons, and each panel has labels of its neighbours. On paper the panels of ``printed(_:)`` are shown.
struct Gallery {
    /// Most panels on paper.
    static let printedPanels = 4

    let result: AssessmentResult

    /// - Throws: `ImagingError` when an image cannot be encoded.
    func html() throws(ImagingError) -> String {
        guard !result.gallery.isEmpty, !result.cuts.isEmpty else { return "" }
        let first = result.cuts.firstIndex { $0.name == result.recommendation.front } ?? 0
        let printed = Self.printed(result)
        var (buttons, labels, panels) = ("", "", "")
        for (index, cut) in result.cuts.enumerated() {
            let (passes, outcome) = (result.verdicts[index].passes, result.verdicts[index].outcome)
            buttons +=
                "<input type=\"radio\" name=\"cut\" id=\"cut\(index)\"\(index == first ? " checked" : "") "
                + "aria-label=\"after \(HTML.escape(cut.name)), \(outcome.rawValue)\">"
            labels +=
                "<label for=\"cut\(index)\" title=\"\(HTML.escape(cut.name))\"><b class=\"\(passes ? "good" : "bad")\">"
                + "\(outcome.sign)</b>\(index + 1)</label>"
            panels += try panel(index, isPrinted: printed.contains(index))
        }
        return """
            <section class="gallery" id="seen"><h2>What can be seen</h2><p>Pictures that the attacker had not learned from, and \
            what it gets of them after each cut. Step from shallow to deep with the numbers, or with the arrow keys once one \
            is selected. <b>Nearest channel</b>: the feature map that the validator takes for the picture most, all that the \
            paper’s measure looks at. <b>Decoder</b>: all channels at once, by the best decoder that learned from \
            \(result.trainingImages) pictures. <b>White box</b>: what descending the FrontNet’s own gradient finds, near the \
            decision. Where you can make out the scene, so can the host.</p>
            <div class="stepper">\(try originals())\(buttons)<div class="strip" aria-hidden="true"><span>shallow</span>\(labels)\
            <span>deep</span></div>\(panels)</div></section>
            """
    }

    /// Style rules that show the selected panel and highlight its number.
    static func rules(_ count: Int) -> String {
        "@media screen{"
            + (0..<count).map { index in
                "#cut\(index):checked~#panel\(index){display:grid}#cut\(index):checked~.strip label[for=cut\(index)]"
                    + "{border-color:var(--accent);background:var(--chosen);font-weight:700}"
                    + "#cut\(index):focus-visible~.strip label[for=cut\(index)]"
                    + "{outline:3px solid var(--accent);outline-offset:2px}"
            }.joined() + "}"
    }

    /// The recommended cut and its neighbours, the first and the last, in the order of importance.
    static func printed(_ result: AssessmentResult) -> Set<Int> {
        let last = result.cuts.count - 1
        let chosen = result.cuts.firstIndex { $0.name == result.recommendation.front }
        let wanted = (chosen.map { [$0, $0 - 1] } ?? []) + [0, last, last / 2, last - 1]
        var printed: Set<Int> = []
        for index in wanted where printed.count < printedPanels && result.cuts.indices.contains(index) {
            printed.insert(index)
        }
        return printed
    }

    private func panel(_ index: Int, isPrinted: Bool) throws(ImagingError) -> String {
        let cut = result.cuts[index]
        var rows = ""
        for (number, row) in result.gallery.enumerated() {
            let entry = row.entries[index]
            let channel: String
            if let image = entry.channelImage {
                channel =
                    try Self.picture(image.image, "nearest channel of \(row.name) after \(cut.name)")
                    + "<small>channel \(image.channel), KL \(Format.number(image.divergence))</small>"
            } else {
                let reason =
                    result.adversary == .informed || cut.lacksChannelKL
                    ? "not measured"
                    : cut.channelKL == nil ? "a vector has no image" : "not among the pictures of the KL"
                channel = "<span class=\"none\">\(reason)</span>"
            }
            rows +=
                "<tr><th scope=\"row\"><svg viewBox=\"0 0 1 1\" role=\"img\" aria-label=\"\(HTML.escape(row.name))\">"
                + "<use href=\"#original\(number)\"/></svg>"
                + "<small>\(HTML.escape(HTML.shortened(row.name, limit: 22)))</small></th><td>\(channel)</td>"
                + "<td>\(try Self.picture(entry.reconstruction, "reconstruction of \(row.name) after \(cut.name)"))</td>"
                + "\(try whiteBox(entry, "white-box reconstruction of \(row.name) after \(cut.name)", of: cut))</tr>"
        }
        return
            "<div class=\"panel\(isPrinted ? " printed" : "")\" id=\"panel\(index)\"><div><table><caption>After "
            + "<code>\(HTML.escape(cut.name))</code></caption><thead><tr><th scope=\"col\">picture</th>"
            + "<th scope=\"col\">nearest channel</th><th scope=\"col\">decoder (\(cut.decoder.kind.title))</th>"
            + "\(cut.whiteBox == nil ? "" : "<th scope=\"col\">white box</th>")</tr></thead>"
            + "<tbody>\(rows)</tbody></table></div>\(facts(index))</div>\n"
    }

    /// A cell of the column that only attacked cuts have.
    private func whiteBox(
        _ entry: GalleryRow.Entry, _ title: String, of cut: CutMeasurement
    ) throws(ImagingError) -> String {
        guard cut.whiteBox != nil else { return "" }
        guard let image = entry.whiteBox else { return "<td><span class=\"none\">not attacked</span></td>" }
        return "<td>\(try Self.picture(image, title))</td>"
    }

    /// The original images, included once and shown in all panels.
    private func originals() throws(ImagingError) -> String {
        var images = ""
        for (number, row) in result.gallery.enumerated() {
            images +=
                "<image id=\"original\(number)\" width=\"1\" height=\"1\" preserveAspectRatio=\"none\" "
                + "href=\"\(try Self.source(row.original))\"/>"
        }
        return "<svg class=\"originals\" aria-hidden=\"true\">\(images)</svg>"
    }

    private func facts(_ index: Int) -> String {
        let (cut, verdict) = (result.cuts[index], result.verdicts[index])
        let outcome = verdict.outcome
        let decoder = cut.decoder
        func fact(_ title: String, _ value: String, _ note: String) -> String {
            "<dt>\(title)</dt><dd><b>\(value)</b> <small>\(note)</small></dd>"
        }
        var list =
            fact(
                "R² of the best decoder", Format.number(decoder.rSquared),
                "± \(Format.number(decoder.rSquaredError)); 1 = exact reconstruction")
            + fact(
                "SSIM", Format.number(decoder.similarity),
                "the mean picture alone: \(Format.number(decoder.similarityOfMean))")
            + fact(
                "top-1 of \(decoder.candidates)", Format.percent(decoder.retrievalTopOne),
                "chance: \(Format.percent(1 / Double(max(1, decoder.candidates))))")
        if let kl = cut.channelKL {
            list += fact("channel KL", Format.number(kl.mean), "of another picture: \(Format.number(kl.nullMean))")
        }
        if let attack = cut.whiteBox {
            list += fact(
                "R² of the white box", Format.number(attack.rSquared),
                "of \(attack.pictures) pictures; SSIM \(Format.number(attack.similarity))")
        }
        for asset in Asset.allCases {
            guard let found = DecidingCurve(of: asset, cut, for: result.attacker) else { continue }
            list += fact("\(asset.rawValue), by pictures learned from", found.points, found.expected)
        }
        if let tint = cut.evidence?.tint, let layout = cut.evidence?.layout {
            list += fact(
                "R² of tint, of layout", "\(Format.number(tint)), \(Format.number(layout))", "at 1×1 and at 4×4")
        }
        list += fact("crosses", Format.bytes(cut.cost.boundaryBytes), "per picture, out and back")
        let steps = [(index - 1, "← shallower"), (index + 1, "deeper →")].map { target, title in
            result.cuts.indices.contains(target)
                ? "<label for=\"cut\(target)\">\(title)</label>" : "<span>\(title)</span>"
        }.joined()
        return
            "<div class=\"facts-of-cut\"><p class=\"count\">Cut \(index + 1) of \(result.cuts.count)</p>"
            + "<p class=\"state \(verdict.passes ? "good" : "bad")\">\(outcome.sign) \(outcome.rawValue)</p>"
            + "<p class=\"count\">The verdict counts deeper cuts; the numbers are of this cut alone.</p><dl>\(list)</dl><p class=\"steps\" aria-hidden=\"true\">\(steps)</p></div>"
    }

    private static func picture(_ image: Image, _ title: String) throws(ImagingError) -> String {
        "<img src=\"\(try source(image))\" alt=\"\(HTML.escape(title))\">"
    }

    private static func source(_ image: Image) throws(ImagingError) -> String {
        "data:image/png;base64," + Data(try image.pngBytes()).base64EncodedString()
    }
}

extension GateVerdict.Outcome {
    /// The outcome as one character.
    fileprivate var sign: String {
        switch self {
        case .passes: "✓"
        case .fails: "✗"
        case .notEnoughEvidence: "?"
        }
    }
}

extension DecoderScores.Kind {
    /// The name of the decoder in the report.
    var title: String {
        switch self {
        case .local: "local ridge"
        case .elm: "random features"
        case .global: "global ridge"
        case .perceptron: "perceptron"
        case .trained: "trained network"
        case .mean: "none beat the mean picture"
        }
    }
}
