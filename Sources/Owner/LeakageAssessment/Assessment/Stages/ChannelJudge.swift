// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
package import Tensors

/// Classifies the IR images of one image after the other with the validator. Used by one thread.
package final class ChannelJudge {
    /// The minimum KL divergences over a cut's channels.
    package struct Minima: Sendable, Codable {
        /// One per class distribution in `candidates`; index 0 is the image itself.
        package var divergences: [Double]
        /// The channel where the first of them is reached.
        package var closestChannel = 0
    }

    private struct Extents: Hashable {
        let height: Int
        let width: Int
    }

    private let classifier: Classifier
    private let preprocessing: Preprocessing
    private var resizers: [Extents: BilinearResize] = [:]
    private var map: [Float] = []
    private var image: [Float]
    /// The logarithms of the validator's class distribution for an image of zeros.
    private var blank: [Double]?

    package init(_ validator: AssessmentConfiguration.Network) throws(AssessmentError) {
        classifier = try Classifier(validator)
        preprocessing = validator.preprocessing
        image = [Float](repeating: 0, count: preprocessing.height * preprocessing.width)
    }

    /// - Parameters:
    ///   - crossing: The boundary tensors of one cut.
    ///   - layouts: One per boundary tensor; `nil` for vectors.
    ///   - candidates: Class distributions; index 0 is that of the image, the rest form its shuffled null.
    ///   - judged: Called after each IR image.
    /// - Returns: Infinite minima if no boundary tensor is a feature map.
    package func minima(
        over crossing: [Tensor], layouts: [MapLayout?], candidates: [ClassDistribution],
        judged: () throws(AssessmentError) -> Void
    ) throws(AssessmentError) -> Minima {
        var minima = Minima(divergences: .init(repeating: .infinity, count: candidates.count))
        var channel = 0
        for case (let tensor, let layout?) in zip(crossing, layouts) {
            for plane in 0..<layout.channels {
                let logarithms = try logarithms(ofPlane: plane, in: tensor, layout)
                for (index, candidate) in candidates.enumerated() {
                    let divergence = try KullbackLeibler.divergence(of: candidate, fromLogarithms: logarithms)
                    guard divergence < minima.divergences[index] else { continue }
                    minima.divergences[index] = divergence
                    if index == 0 { minima.closestChannel = channel }
                }
                channel += 1
                try judged()
            }
        }
        return minima
    }

    /// The logarithms of the validator's class distribution for the IR image of one channel.
    private func logarithms(
        ofPlane plane: Int, in tensor: Tensor, _ layout: MapLayout
    ) throws(AssessmentError) -> [Double] {
        let extents = Extents(height: layout.height, width: layout.width)
        tensor.withElements(as: Float.self) { values in
            map.removeAll(keepingCapacity: true)
            layout.append(channel: plane, of: values, to: &map)
        }
        guard try ChannelImage.normalize(&map) else { return try blankLogarithms() }
        resizer(for: extents).resize(map, into: &image)
        return try classifier.distribution(of: input(image)).flooredLogarithms
    }

    /// The result for constant channels, which are common and give the same IR image, an image of zeros.
    private func blankLogarithms() throws(AssessmentError) -> [Double] {
        if let blank { return blank }
        let zeros = [Float](repeating: 0, count: image.count)
        let logarithms = try classifier.distribution(of: input(zeros)).flooredLogarithms
        blank = logarithms
        return logarithms
    }

    private func resizer(for extents: Extents) -> BilinearResize {
        if let known = resizers[extents] { return known }
        let resizer = BilinearResize(
            from: (extents.height, extents.width), to: (preprocessing.height, preprocessing.width))
        resizers[extents] = resizer
        return resizer
    }

    /// Scaled to 0...255, copied to the validator's channels and normalised as its preprocessing says.
    private func input(_ image: [Float]) -> Tensor {
        let normalization = preprocessing.normalization
        return Tensor(type: classifier.inputType) { bytes in
            let target = bytes.assumingMemoryBound(to: Float.self)
            image.withUnsafeBufferPointer { image in
                for channel in normalization.mean.indices {
                    let (mean, inverse) = (normalization.mean[channel], 1 / normalization.std[channel])
                    let start = channel * image.count
                    for index in image.indices { target[start + index] = (image[index] * 255 - mean) * inverse }
                }
            }
        }
    }
}
