// SPDX-License-Identifier: Apache-2.0
/// Perceptual distance of two images in a classifier's features: sum over layers of the mean over positions of ‖u -
/// v‖², with u and v the layer's channels at that position scaled to norm 1. 0 for equal images, at most 4 per layer.
///
/// - Source: Zhang et al. 2018 (LPIPS) without its learned weights, which exist only for their networks.
package enum FeatureDistance {
    /// One layer's maps, `[channels, positions]`.
    package struct Layer: Sendable, Hashable {
        package let channels: Int
        package let values: [Float]

        /// The number of values must be a multiple of `channels`.
        package init(channels: Int, values: [Float]) {
            precondition(channels > 0 && values.count % channels == 0)
            self.channels = channels
            self.values = values
        }

        var positions: Int { values.count / channels }
    }

    /// - Parameters:
    ///   - a: The layers of one image.
    ///   - b: The same layers of the other.
    /// - Throws: ``AssessmentError`` `.shapeMismatch`.
    package static func value(_ a: [Layer], _ b: [Layer]) throws(AssessmentError) -> Double {
        guard a.count == b.count,
            zip(a, b).allSatisfy({ $0.channels == $1.channels && $0.values.count == $1.values.count })
        else { throw AssessmentError(.shapeMismatch, "features of \(a.count) and \(b.count) layers") }
        return zip(a, b).reduce(0) { $0 + distance($1.0, $1.1) }
    }

    private static func distance(_ a: Layer, _ b: Layer) -> Double {
        let positions = a.positions
        guard positions > 0 else { return 0 }
        var sum = 0.0
        for position in 0..<positions {
            var (squareA, squareB, product) = (0.0, 0.0, 0.0)
            for channel in 0..<a.channels {
                let index = channel * positions + position
                let (x, y) = (Double(a.values[index]), Double(b.values[index]))
                squareA += x * x
                squareB += y * y
                product += x * y
            }
            // A position where all channels are 0 has no direction: it equals only another such position.
            switch (squareA > 1e-20, squareB > 1e-20) {
            case (true, true): sum += max(0, 2 - 2 * product / (squareA * squareB).squareRoot())
            case (false, false): break
            default: sum += 1
            }
        }
        return sum / Double(positions)
    }
}
