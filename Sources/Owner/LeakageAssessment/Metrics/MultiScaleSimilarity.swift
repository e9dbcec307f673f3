// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// MS-SSIM: the product over dyadic scales of the contrast and structure terms of ``StructuralSimilarity``, with the
/// luminance term at the last scale, each to the power of its scale's weight; mean over channels. A scale halves the
/// sides by 2x2 means. Only scales whose shorter side fits the window are used, at most five, with their weights
/// normalised to sum 1; a negative term counts as 0.
///
/// - Source: Wang, Simoncelli, Bovik 2003; fewer scales for small images as the design notes say.
package enum MultiScaleSimilarity {
    package static let weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]

    /// The number of scales for images of this size; at least 1.
    package static func scales(height: Int, width: Int) -> Int {
        var (side, count) = (min(height, width) / 2, 1)
        while count < weights.count, side >= StructuralSimilarity.taps {
            count += 1
            side /= 2
        }
        return count
    }

    /// - Returns: 0 to 1.
    /// - Throws: ``AssessmentError`` `.shapeMismatch`.
    package static func value(_ a: Picture, _ b: Picture) throws(AssessmentError) -> Double {
        let scales = scales(height: a.height, width: a.width)
        let sum = weights.prefix(scales).reduce(0, +)
        var products = [Double](repeating: 1, count: a.channels)
        var (first, second) = (a, b)
        for scale in 0..<scales {
            if scale > 0 { (first, second) = (halved(first), halved(second)) }
            for (channel, components) in try StructuralSimilarity.components(first, second).enumerated() {
                let term = scale == scales - 1 ? components.similarity : components.structure
                products[channel] *= pow(max(0, term), weights[scale] / sum)
            }
        }
        return Statistics.mean(products)
    }

    /// Means of 2x2 pixels; an odd last row or column is left out.
    private static func halved(_ picture: Picture) -> Picture {
        let (height, width) = (picture.height / 2, picture.width / 2)
        let region = Picture.Region(top: 0, left: 0, height: Double(2 * height), width: Double(2 * width))
        return picture.averaged(over: region, height: height, width: width)
    }
}
