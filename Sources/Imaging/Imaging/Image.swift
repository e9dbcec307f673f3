// SPDX-License-Identifier: Apache-2.0
/// An image of 8 bits per channel: grey or RGB, interleaved, rows from top to bottom without padding.
public struct Image: Sendable, Hashable {
    /// Limit of width times height, in pixels.
    public static let maximumPixelCount = 64 << 20
    /// Limit of width and of height, in pixels.
    public static let maximumSide = 65_535

    /// In pixels.
    public let width: Int
    /// In pixels.
    public let height: Int
    /// 1 (grey) or 3 (RGB).
    public let channels: Int
    /// `height * width * channels` bytes.
    public let pixels: [UInt8]
    /// Whether the file has more pixels than were decoded.
    var isReduced = false
    /// Whether the file has further frames or pages, of which this is the first.
    package internal(set) var hasFurtherPictures = false

    /// - Throws: ``ImagingError`` when the number of channels is neither 1 nor 3, a side is not positive or over the
    ///   limits, or `pixels` is not `height * width * channels` bytes long.
    public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) throws(ImagingError) {
        guard channels == 1 || channels == 3 else {
            throw ImagingError(.mismatch, "a picture has 1 or 3 channels, found \(channels)")
        }
        try Self.check(width: width, height: height)
        guard pixels.count == width * height * channels else {
            throw ImagingError(
                .mismatch,
                "a picture of \(width)x\(height) with \(channels) channels has "
                    + "\(width * height * channels) bytes, found \(pixels.count)")
        }
        self.init(width, height, channels, pixels)
    }

    /// Without checks, for pixels whose count is right by construction.
    init(_ width: Int, _ height: Int, _ channels: Int, _ pixels: [UInt8]) {
        self.width = width
        self.height = height
        self.channels = channels
        self.pixels = pixels
    }

    /// - Throws: ``ImagingError`` when the size is over a limit.
    static func check(width: Int, height: Int, limit: Int = maximumPixelCount) throws(ImagingError) {
        guard width > 0, height > 0 else {
            throw ImagingError(.corrupt, "the picture has \(width)x\(height) pixels")
        }
        guard width <= maximumSide, height <= maximumSide, width * height <= limit else {
            throw ImagingError(
                .tooLarge,
                "the picture has \(width)x\(height) pixels, the limits are \(maximumSide) a side and "
                    + "\(limit >> 20) million in all")
        }
    }

    /// Three channels; grey values are repeated.
    package func rgb() -> Image {
        guard channels == 1 else { return self }
        let colour = [UInt8](unsafeUninitializedCapacity: pixels.count * 3) { target, count in
            for (index, value) in pixels.enumerated() {
                target[3 * index] = value
                target[3 * index + 1] = value
                target[3 * index + 2] = value
            }
            count = pixels.count * 3
        }
        return Image(width, height, 3, colour)
    }

    /// One channel; RGB becomes luma, rounded to nearest.
    ///
    /// - Source: ITU-R BT.601 weights 0.299, 0.587, 0.114 in 16-bit fixed point, as Pillow's mode `L`.
    package func grey() -> Image {
        guard channels == 3 else { return self }
        let area = width * height
        let luma = [UInt8](unsafeUninitializedCapacity: area) { target, count in
            pixels.withUnsafeBufferPointer { source in
                for index in 0..<area {
                    let (red, green, blue) = (source[3 * index], source[3 * index + 1], source[3 * index + 2])
                    let sum = UInt32(red) * 19595 + UInt32(green) * 38470 + UInt32(blue) * 7471
                    target[index] = UInt8(truncatingIfNeeded: (sum + 0x8000) >> 16)
                }
            }
            count = area
        }
        return Image(width, height, 1, luma)
    }

    /// The `width` x `height` pixels whose top left corner is at (`left`, `top`); they must lie inside the image.
    package func cropped(left: Int, top: Int, width: Int, height: Int) -> Image {
        precondition(
            left >= 0 && top >= 0 && width > 0 && height > 0 && left + width <= self.width
                && top + height <= self.height, "crop outside the picture")
        if width == self.width, height == self.height { return self }
        var part: [UInt8] = []
        part.reserveCapacity(width * height * channels)
        for row in top..<top + height {
            let start = (row * self.width + left) * channels
            part += pixels[start..<start + width * channels]
        }
        return Image(width, height, channels, part)
    }
}
