// SPDX-License-Identifier: Apache-2.0
internal import Imaging

extension Picture {
    /// As an image of 8 bits per channel; values outside [0, 1] are clipped.
    ///
    /// - Throws: ``AssessmentError`` `.shapeMismatch` for extents that no image has.
    func image() throws(AssessmentError) -> Image {
        do throws(ImagingError) {
            return try Image(
                width: width, height: height, channels: channels,
                pixels: values.map { UInt8((min(max($0, 0), 1) * 255).rounded()) })
        } catch { throw AssessmentError(.shapeMismatch, error.message) }
    }
}
