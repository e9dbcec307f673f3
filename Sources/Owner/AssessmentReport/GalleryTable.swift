internal import FoundationEssentials
internal import Imaging
internal import LeakageAssessment
internal import ModelGraph
internal import Tensors

/// Pictures beside what each of several cuts gives away of them.
struct GalleryTable {
    static let columns = 7

    let result: AssessmentResult

    /// - Throws: `ImagingError` when a picture cannot be encoded.
    func html() throws(ImagingError) -> String {
        let chosen = Self.choose(result)
        guard !result.gallery.isEmpty, !chosen.isEmpty else { return "" }
        var rows: [String] = []
        for row in result.gallery {
            var (channels, decoders) = ("", "")
            for cut in chosen {
                let entry = row.entries[cut]
                if let image = entry.channelImage {
                    let title = "channel \(image.channel), KL \(Format.number(image.divergence))"
                    channels +=
                        "<td>\(try Self.picture(image.image, title))<small>KL \(Format.number(image.divergence))</small></td>"
                } else {
                    let reason =
                        result.adversary == .informed
                        ? "not measured" : result.cuts[cut].channelKL == nil ? "a vector" : "not sampled"
                    channels += "<td class=\"none\">\(reason)</td>"
                }
                decoders += "<td>\(try Self.picture(entry.reconstruction, "reconstruction"))</td>"
            }
            rows.append(
                "<tbody><tr><th rowspan=\"2\" class=\"original\">\(try Self.picture(row.original, row.name))"
                    + "<small>\(HTML.escape(HTML.shortened(row.name, limit: 24)))</small></th>"
                    + "<th class=\"kind\">nearest channel</th>\(channels)</tr>"
                    + "<tr><th class=\"kind\">decoder</th>\(decoders)</tr></tbody>")
        }
        let heads = chosen.map { index -> String in
            let cut = result.cuts[index]
            let verdict = result.verdicts[index].passes
            return "<th>\(HTML.escape(HTML.shortened(cut.name, limit: 20)))"
                + "<small>R² \(Format.number(cut.decoder.determination)) "
                + "<span class=\"\(verdict ? "good" : "bad")\">\(verdict ? "within gates" : "leaks")</span></small></th>"
        }
        return
            "<section class=\"gallery\"><h2>What can be seen</h2><p>Pictures that the attacker had not seen, and what it gets "
            + "after each cut, shallow to deep. <b>Nearest channel</b>: the feature map that the validator takes for the "
            + "picture most, all that the paper's measure looks at. <b>Decoder</b>: all channels at once, by the best decoder "
            + "trained on \(result.trainingImages) pictures.</p><div class=\"wide\"><table>"
            + "<thead><tr><th>picture</th><th></th>\(heads.joined())</tr></thead>\(rows.joined(separator: "\n"))</table></div></section>"
    }

    /// The first cut of each resolution, the last ones, the recommended one, and others in the widest gaps.
    static func choose(_ result: AssessmentResult) -> [Int] {
        let cuts = result.cuts
        guard cuts.count > columns else { return Array(cuts.indices) }
        var chosen: Set<Int> = [0, cuts.count - 1]
        if let front = cuts.firstIndex(where: { $0.name == result.recommendation.front }) { chosen.insert(front) }
        func area(_ index: Int) -> Int {
            cuts[index].crossing.map { $0.type.shape.dimensions.dropFirst(2).reduce(1, *) }.max() ?? 1
        }
        for index in cuts.indices.dropFirst() where area(index) < area(index - 1) && chosen.count < columns {
            chosen.insert(index)
        }
        if let last = cuts.indices.last(where: { cuts[$0].channelKL != nil }), chosen.count < columns {
            chosen.insert(last)
        }
        while chosen.count < columns {
            let sorted = chosen.sorted()
            let gaps = zip(sorted, sorted.dropFirst())
            guard let widest = gaps.max(by: { $0.1 - $0.0 < $1.1 - $1.0 }), widest.1 - widest.0 > 1 else { break }
            chosen.insert((widest.0 + widest.1) / 2)
        }
        return chosen.sorted()
    }

    private static func picture(_ image: Image, _ title: String) throws(ImagingError) -> String {
        let data = Data(try image.pngBytes()).base64EncodedString()
        return
            "<img src=\"data:image/png;base64,\(data)\" alt=\"\(HTML.escape(title))\" title=\"\(HTML.escape(title))\">"
    }
}
