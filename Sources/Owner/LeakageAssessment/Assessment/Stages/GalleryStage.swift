// SPDX-License-Identifier: Apache-2.0
internal import Imaging
internal import ModelGraph
internal import Tensors

/// The example images of the report, which show what each cut reveals.
enum GalleryStage {
    static let rows = 6

    /// Which of the split's test images are shown, ascending. Images of the channel KL have priority.
    static func positions(_ context: StageContext) -> [Int] {
        let configuration = context.configuration
        let testing = context.split.testing
        let judged = Set(context.channelPictures.prefix(configuration.fewChannelImages))
        let ordered =
            testing.indices.filter { judged.contains(testing[$0]) }
            + testing.indices.filter { !judged.contains(testing[$0]) }
        return Array(ordered.prefix(rows)).sorted()
    }

    static func run(_ context: StageContext, _ findings: Findings) throws(AssessmentError) -> [GalleryRow] {
        let (channelKL, outcomes) = (findings.channelKL, findings.outcomes)
        let probe = try CutProbe(context.model, cuts: context.cuts)
        var gallery: [GalleryRow] = []
        for (row, position) in positions(context).enumerated() {
            let picture = context.split.testing[position]
            let crossing = try probe.crossing(of: try context.pictures.tensor(of: picture))
            var entries: [GalleryRow.Entry] = []
            for (cut, tensors) in crossing.enumerated() {
                let reconstruction = try outcomes[cut].gallery[row].image()
                let attacked = findings.whiteBox[cut]?.gallery ?? []
                let whiteBox = row < attacked.count ? try attacked[row].image() : nil
                guard let channelKL = channelKL[cut],
                    let place = context.channelPictures.prefix(channelKL.own.count).firstIndex(of: picture)
                else {
                    entries.append(.init(channelImage: nil, reconstruction: reconstruction, whiteBox: whiteBox))
                    continue
                }
                let channel = channelKL.closestChannel[place]
                let layouts = context.cuts[cut].crossing.map(context.model.graph.mapLayout(of:))
                let map = try channelImage(channel, of: tensors, layouts)
                entries.append(
                    .init(
                        channelImage: map.map { ($0, channel, channelKL.own[place]) },
                        reconstruction: reconstruction, whiteBox: whiteBox))
            }
            gallery.append(
                GalleryRow(
                    name: context.pictures.entries[picture].name, original: try context.pictures.image(picture),
                    entries: entries))
        }
        return gallery
    }

    private static func channelImage(
        _ channel: Int, of tensors: [Tensor], _ layouts: [MapLayout?]
    ) throws(AssessmentError) -> Image? {
        var first = 0
        for case (let tensor, let layout?) in zip(tensors, layouts) {
            if channel < first + layout.channels {
                var map: [Float] = []
                tensor.withElements(as: Float.self) { layout.append(channel: channel - first, of: $0, to: &map) }
                _ = try ChannelImage.normalize(&map)
                return try Picture(height: layout.height, width: layout.width, channels: 1, values: map).image()
            }
            first += layout.channels
        }
        return nil
    }
}
