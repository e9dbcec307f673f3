// SPDX-License-Identifier: Apache-2.0
import Tensors

extension Image {
    /// The image resized as Darknet's `resize_image` does it: bilinear between the four nearest pixels, with the corner
    /// pixels of both images aligned and no wider filter support when shrinking. Rounded to 8 bits at the end.
    ///
    /// - Throws: ``ImagingError`` `.tooLarge` when the result is over the limits.
    func cornerAligned(width newWidth: Int, height newHeight: Int) throws(ImagingError) -> Image {
        try Self.check(width: newWidth, height: newHeight)
        let (columns, rows) = (Self.samples(from: width, to: newWidth), Self.samples(from: height, to: newHeight))
        let result = [UInt8](unsafeUninitializedCapacity: newWidth * newHeight * channels) { target, count in
            pixels.withUnsafeBufferPointer { pixels in
                for (y, row) in rows.enumerated() {
                    let (above, below) = (row.first * width * channels, row.second * width * channels)
                    for (x, column) in columns.enumerated() {
                        for channel in 0..<channels {
                            let (left, right) = (column.first * channels + channel, column.second * channels + channel)
                            func between(_ start: Int) -> Float {
                                let (a, b) = (Float(pixels[start + left]), Float(pixels[start + right]))
                                return a + column.weight * (b - a)
                            }
                            let (top, bottom) = (between(above), between(below))
                            target[(y * newWidth + x) * channels + channel] = UInt8(
                                (top + row.weight * (bottom - top)).rounded())
                        }
                    }
                }
            }
            count = newWidth * newHeight * channels
        }
        return Image(newWidth, newHeight, channels, result)
    }

    /// The two source pixels along one axis for each result pixel, and the weight (0 to 1) of the second.
    private static func samples(from extent: Int, to newExtent: Int) -> [(first: Int, second: Int, weight: Float)] {
        let scale = newExtent > 1 ? Float(extent - 1) / Float(newExtent - 1) : 0
        return (0..<newExtent).map { position in
            // The last pixel maps to the last, whatever rounding the scale does.
            guard position < newExtent - 1 else { return (extent - 1, extent - 1, 0) }
            let place = min(Float(position) * scale, Float(extent - 1))
            let first = Int(place)
            return (first, min(first + 1, extent - 1), place - Float(first))
        }
    }
}
