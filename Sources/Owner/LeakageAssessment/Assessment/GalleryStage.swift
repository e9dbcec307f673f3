internal import Imaging
internal import ModelGraph
internal import Tensors

/// Pictures that show a reader what each cut gives away.
enum GalleryStage {
    static let rows = 6

    /// - Parameter outcomes: One per cut, their reconstructions in the order of the split's test pictures.
    static func run(
        _ configuration: AssessmentConfiguration, cuts: [Cut], channelKL: [ChannelKL?],
        outcomes: [DecoderStage.Outcome], pictures: PictureSet, split: PictureSplit
    ) throws(AssessmentError) -> [GalleryRow] {
        let probe = try CutProbe(configuration.model, cuts: cuts)
        // Test pictures that the channel KL has seen too come first.
        let judged = pictures.truths.count
        let chosen = Array(
            split.testing.indices.sorted {
                (split.testing[$0] >= judged ? 1 : 0) < (split.testing[$1] >= judged ? 1 : 0)
            }
            .prefix(rows)
        ).sorted()
        var gallery: [GalleryRow] = []
        for position in chosen {
            let picture = split.testing[position]
            let crossing = try probe.crossing(of: try pictures.tensor(of: picture))
            var entries: [GalleryRow.Entry] = []
            for (cut, tensors) in crossing.enumerated() {
                let reconstruction = try outcomes[cut].reconstructions[position].image()
                guard let channelKL = channelKL[cut], picture < channelKL.own.count else {
                    entries.append(.init(channelImage: nil, reconstruction: reconstruction))
                    continue
                }
                let channel = channelKL.closestChannel[picture]
                let map = try channelImage(channel, of: tensors)
                entries.append(
                    .init(
                        channelImage: map.map { ($0, channel, channelKL.own[picture]) },
                        reconstruction: reconstruction))
            }
            let entry = pictures.entries[picture]
            gallery.append(GalleryRow(name: entry.name, original: entry.image, entries: entries))
        }
        return gallery
    }

    private static func channelImage(_ channel: Int, of tensors: [Tensor]) throws(AssessmentError) -> Image? {
        var first = 0
        for tensor in tensors where FeatureLayout.isMap(tensor.shape.dimensions) {
            let (channels, height, width) = (tensor.shape[1], tensor.shape[2], tensor.shape[3])
            if channel < first + channels {
                let area = height * width
                var map = tensor.withElements(as: Float.self) { values in
                    Array(values[(channel - first) * area..<(channel - first + 1) * area])
                }
                _ = try ChannelImage.normalize(&map)
                return try Picture(height: height, width: width, channels: 1, values: map).image()
            }
            first += channels
        }
        return nil
    }
}
