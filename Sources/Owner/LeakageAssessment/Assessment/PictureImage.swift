internal import Imaging

extension Picture {
    /// In 8 bits, values outside [0, 1] clipped.
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
