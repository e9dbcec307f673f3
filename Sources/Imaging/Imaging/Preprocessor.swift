// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// Turns images into a network's input, as a ``Preprocessing`` describes.
///
/// The steps are those of Pillow's `convert`, `resize` and `crop`: channels (grey or RGB), size, crop; then the
/// channels are put in order.
package struct Preprocessor: Sendable, Hashable {
    /// The steps and their parameters.
    package let preprocessing: Preprocessing

    /// A preprocessor with these steps.
    package init(_ preprocessing: Preprocessing) { self.preprocessing = preprocessing }

    /// The 8-bit input that a client sends: u8 `[1, height, width, channels]`.
    ///
    /// - Throws: ``ImagingError`` `.tooSmall` or `.tooLarge`.
    package func pixels(of image: Image, allocator: StorageAllocator = .standard) throws(ImagingError) -> Tensor {
        let fitted = try fitted(image)
        do {
            let shape = try Shape([1, fitted.height, fitted.width, fitted.channels])
            return Tensor(type: TensorType(.uint8, shape), allocator: allocator) { target in
                target.copyBytes(from: fitted.pixels)
                if preprocessing.channels == .bgr {
                    for pixel in stride(from: 0, to: target.count - 2, by: 3) { target.swapAt(pixel, pixel + 2) }
                }
            }
        } catch { throw ImagingError(.mismatch, error.message) }
    }

    /// The network's input: f32 `[1, channels, height, width]`, normalised.
    ///
    /// - Throws: ``ImagingError`` `.tooSmall` or `.tooLarge`.
    package func tensor(of image: Image, allocator: StorageAllocator = .standard) throws(ImagingError) -> Tensor {
        let pixels = try pixels(of: image, allocator: allocator)
        do {
            return try preprocessing.normalization.normalized(pixels, allocator: allocator)
        } catch { throw ImagingError(.mismatch, error.message) }
    }

    /// The resized and cropped image as RGB or grey, for display: what the network sees.
    ///
    /// - Throws: ``ImagingError`` `.tooSmall` or `.tooLarge`.
    package func fitted(_ image: Image) throws(ImagingError) -> Image {
        guard preprocessing.resize != .none || !image.isReduced else {
            throw ImagingError(
                .tooLarge,
                "the picture has over \(Image.maximumPixelCount >> 20) million pixels, and is to be cropped without "
                    + "being resized: crop it first")
        }
        let converted = preprocessing.channels == .grey ? image.grey() : image.rgb()
        let (width, height) = resizedSides(of: image)
        if preprocessing.resize == .darknetLetterbox {
            return framed(try converted.cornerAligned(width: width, height: height), fill: 128)
        }
        let resized = try converted.resized(width: width, height: height, preprocessing.interpolation)
        if case .letterbox(let fill) = preprocessing.resize { return framed(resized, fill: fill) }
        guard width >= preprocessing.width, height >= preprocessing.height else {
            throw ImagingError(
                .tooSmall,
                "the picture has \(width)x\(height) pixels\(width == image.width ? "" : " after resizing"), "
                    + "the crop needs \(preprocessing.width)x\(preprocessing.height)")
        }
        return resized.cropped(
            left: margin(width - preprocessing.width), top: margin(height - preprocessing.height),
            width: preprocessing.width, height: preprocessing.height)
    }

    /// The part of `total` that is cut off before the crop; the rest is cut off after it.
    private func margin(_ total: Int) -> Int {
        switch preprocessing.resize {
        case .shorterSideLike(.torchvision, _), .stretchToLike(.torchvision, _, _): Self.rounded(total, over: 2)
        default: total / 2
        }
    }

    private func resizedSides(of image: Image) -> (width: Int, height: Int) {
        let (width, height) = (image.width, image.height)
        switch preprocessing.resize {
        case .none:
            return (width, height)
        case .stretch:
            return (preprocessing.width, preprocessing.height)
        case .shorterSide(let length):
            return width <= height
                ? (length, Self.rounded(height * length, over: width))
                : (Self.rounded(width * length, over: height), length)
        case .stretchTo(let width, let height), .stretchToLike(_, let width, let height):
            return (width, height)
        case .shorterSideLike(_, let length):
            return width <= height ? (length, height * length / width) : (width * length / height, length)
        case .letterbox:
            return width * preprocessing.height >= height * preprocessing.width
                ? (preprocessing.width, max(1, Self.rounded(height * preprocessing.width, over: width)))
                : (max(1, Self.rounded(width * preprocessing.height, over: height)), preprocessing.height)
        case .darknetLetterbox:
            return width * preprocessing.height > height * preprocessing.width
                ? (preprocessing.width, max(1, height * preprocessing.width / width))
                : (max(1, width * preprocessing.height / height), preprocessing.height)
        }
    }

    /// `numerator / denominator` rounded to nearest, half to even as Python's `round` does: 773x512 becomes 386x256.
    private static func rounded(_ numerator: Int, over denominator: Int) -> Int {
        let (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: denominator)
        return 2 * remainder > denominator || (2 * remainder == denominator && quotient % 2 == 1)
            ? quotient + 1 : quotient
    }

    /// `image` in the centre of an image of the tensor's size.
    private func framed(_ image: Image, fill: UInt8) -> Image {
        let (width, height, channels) = (preprocessing.width, preprocessing.height, image.channels)
        var pixels = [UInt8](repeating: fill, count: width * height * channels)
        let (left, top) = ((width - image.width) / 2, (height - image.height) / 2)
        let row = image.width * channels
        for y in 0..<image.height {
            let start = ((top + y) * width + left) * channels
            pixels.replaceSubrange(start..<start + row, with: image.pixels[y * row..<(y + 1) * row])
        }
        return Image(width, height, channels, pixels)
    }
}
