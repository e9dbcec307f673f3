// SPDX-License-Identifier: Apache-2.0
/// One channel's map as an image: min-max normalised to [0, 1]. A constant map becomes zeros.
///
/// - Source: the paper's IR images (arXiv 1807.00969), as the design notes' Tier 1 reconstructs them.
package enum ChannelImage {
    /// Normalises `map` in place.
    ///
    /// - Returns: Whether the map was not constant.
    /// - Throws: ``AssessmentError`` `.notFinite`.
    package static func normalize(_ map: inout [Float]) throws(AssessmentError) -> Bool {
        var (low, high) = (Float.infinity, -Float.infinity)
        var sum: Float = 0
        for value in map {
            low = min(low, value)
            high = max(high, value)
            // NaN fails every comparison. A product with 0 preserves it, and turns infinities into NaN.
            sum += value * 0
        }
        guard sum == 0 else { throw AssessmentError(.notFinite, "an activation is not finite") }
        guard high > low else {
            for index in map.indices { map[index] = 0 }
            return false
        }
        // Halved, so that the span of extreme finite values is finite.
        let span = high / 2 - low / 2
        for index in map.indices { map[index] = (map[index] / 2 - low / 2) / span }
        return true
    }
}
