internal import ModelGraph
internal import Tensors

/// Sends the IR images of one picture after the other through the validator. Belongs to one thread.
final class ChannelJudge {
    /// The minimum over a cut's channels, against the picture's own distribution and another's.
    struct Minimum: Sendable {
        var own = Double.infinity
        var null = Double.infinity
        var closestChannel = 0
    }

    private struct Slot {
        let cut: Int
        let channel: Int
    }

    private let classifier: Classifier
    private let preprocessing: Preprocessing
    private var resizers: [Extents: BilinearResize] = [:]
    private var buffer: [Float]
    private var image: [Float]
    private var map: [Float] = []
    private var slots: [Slot] = []
    /// Logarithms of the validator's view of an image of zeros.
    private var blank: [Double]?

    private struct Extents: Hashable {
        let height: Int
        let width: Int
    }

    init(_ validator: AssessmentConfiguration.Network, batch: Int) throws(AssessmentError) {
        classifier = try Classifier(validator, batch: batch)
        preprocessing = validator.preprocessing
        buffer = [Float](repeating: 0, count: classifier.inputType.shape.elementCount)
        image = [Float](repeating: 0, count: preprocessing.height * preprocessing.width)
    }

    /// - Parameters:
    ///   - crossing: Per cut, what crosses.
    ///   - own: The validator's view of the picture.
    ///   - other: Its view of the picture for the null.
    ///   - judged: Called with the number of IR images that were judged since the last call.
    /// - Returns: One minimum per cut; infinite where nothing that crosses is a map.
    func minima(
        over crossing: [[Tensor]], own: ClassDistribution, other: ClassDistribution,
        judged: (Int) throws(AssessmentError) -> Void
    ) throws(AssessmentError) -> [Minimum] {
        var minima = [Minimum](repeating: Minimum(), count: crossing.count)
        func record(_ slot: Slot, _ logarithms: [Double]) throws(AssessmentError) {
            let divergence = try KullbackLeibler.divergence(of: own, fromLogarithms: logarithms)
            if divergence < minima[slot.cut].own {
                minima[slot.cut].own = divergence
                minima[slot.cut].closestChannel = slot.channel
            }
            let null = try KullbackLeibler.divergence(of: other, fromLogarithms: logarithms)
            minima[slot.cut].null = min(minima[slot.cut].null, null)
        }
        func flush() throws(AssessmentError) {
            guard !slots.isEmpty else { return }
            for (slot, distribution) in zip(slots, try run(count: slots.count)) {
                try record(slot, distribution.flooredLogarithms)
            }
            try judged(slots.count)
            slots.removeAll(keepingCapacity: true)
        }
        for (cut, tensors) in crossing.enumerated() {
            var channel = 0
            for tensor in tensors where FeatureLayout.isMap(tensor.shape.dimensions) {
                let extents = Extents(height: tensor.shape[2], width: tensor.shape[3])
                for plane in 0..<tensor.shape[1] {
                    let slot = Slot(cut: cut, channel: channel)
                    channel += 1
                    if try place(plane, of: tensor, extents, at: slots.count) {
                        slots.append(slot)
                        if slots.count == classifier.batch { try flush() }
                    } else {
                        // Dead channels are common and all look the same.
                        try record(slot, try blankLogarithms())
                        try judged(1)
                    }
                }
            }
        }
        try flush()
        return minima
    }

    /// Writes the IR image of one channel into the batch.
    ///
    /// - Returns: False for a constant map, of which nothing is written.
    private func place(
        _ plane: Int, of tensor: Tensor, _ extents: Extents, at slot: Int
    ) throws(AssessmentError) -> Bool {
        let area = extents.height * extents.width
        tensor.withElements(as: Float.self) { values in
            map.removeAll(keepingCapacity: true)
            map.append(contentsOf: values[plane * area..<(plane + 1) * area])
        }
        guard try ChannelImage.normalize(&map) else { return false }
        resizer(for: extents).resize(map, into: &image)
        write(image, at: slot)
        return true
    }

    private func resizer(for extents: Extents) -> BilinearResize {
        if let known = resizers[extents] { return known }
        let resizer = BilinearResize(
            from: (extents.height, extents.width), to: (preprocessing.height, preprocessing.width))
        resizers[extents] = resizer
        return resizer
    }

    /// Scales to 0...255, copies to the validator's channels and normalises as it wants.
    private func write(_ image: [Float], at slot: Int) {
        let area = image.count
        let normalization = preprocessing.normalization
        buffer.withUnsafeMutableBufferPointer { buffer in
            image.withUnsafeBufferPointer { image in
                for channel in normalization.mean.indices {
                    let (mean, inverse) = (normalization.mean[channel], 1 / normalization.std[channel])
                    let start = (slot * normalization.mean.count + channel) * area
                    for index in 0..<area { buffer[start + index] = (image[index] * 255 - mean) * inverse }
                }
            }
        }
    }

    private func run(count: Int) throws(AssessmentError) -> [ClassDistribution] {
        let input = Tensor(type: classifier.inputType) { target in
            buffer.withUnsafeBytes { target.copyMemory(from: $0) }
        }
        return try classifier.distributions(of: input, count: count)
    }

    private func blankLogarithms() throws(AssessmentError) -> [Double] {
        if let blank { return blank }
        let saved = buffer
        write([Float](repeating: 0, count: image.count), at: 0)
        let logarithms = try run(count: 1)[0].flooredLogarithms
        buffer = saved
        blank = logarithms
        return logarithms
    }
}
