// SPDX-License-Identifier: Apache-2.0
package import Tensors

extension Image {
    /// The resized image, equal in every pixel to Pillow's `Image.resize`.
    ///
    /// Two passes, rows first, each rounding to 8 bits; a pass that would not change the size is left out. Pillow 13
    /// processes columns first for some shapes that lose more height than width; there, pixels at hard edges differ
    /// slightly.
    ///
    /// - Throws: ``ImagingError`` `.tooLarge` when the result, or the image between the passes, is over the limits.
    package func resized(
        width newWidth: Int, height newHeight: Int, _ interpolation: Preprocessing.Interpolation
    ) throws(ImagingError) -> Image {
        try Self.checkResized(width: newWidth, height: newHeight)
        try Self.checkResized(width: newWidth, height: height)
        var image = self
        if newWidth != width {
            image = image.rowsResampled(ResampleWeights(from: width, to: newWidth, interpolation), to: newWidth)
        }
        if newHeight != height {
            image = image.columnsResampled(ResampleWeights(from: height, to: newHeight, interpolation), to: newHeight)
        }
        return image
    }

    private static func checkResized(width: Int, height: Int) throws(ImagingError) {
        guard width > 0, height > 0, width <= maximumSide, height <= maximumSide, width * height <= maximumPixelCount
        else {
            throw ImagingError(
                .tooLarge,
                "resizing needs a picture of \(width)x\(height) pixels, the limits are 1 to \(maximumSide) "
                    + "a side and \(maximumPixelCount >> 20) million in all; crop the picture first")
        }
    }

    private func rowsResampled(_ axis: ResampleWeights, to newWidth: Int) -> Image {
        let (inputRow, outputRow) = (width * channels, newWidth * channels)
        let result = [UInt8](unsafeUninitializedCapacity: outputRow * height) { target, count in
            guard let output = target.baseAddress else { return }
            pixels.withUnsafeBufferPointer { pixels in
                axis.weights.withUnsafeBufferPointer { weights in
                    guard let input = pixels.baseAddress, let weights = weights.baseAddress else { return }
                    for row in 0..<height {
                        let (source, destination) = (input + row * inputRow, output + row * outputRow)
                        if channels == 3 {
                            Self.resampleRow3(source, destination, axis, weights, newWidth)
                        } else {
                            Self.resampleRow1(source, destination, axis, weights, newWidth)
                        }
                    }
                }
            }
            count = outputRow * height
        }
        return Image(newWidth, height, channels, result)
    }

    private static func resampleRow3(
        _ source: UnsafePointer<UInt8>, _ destination: UnsafeMutablePointer<UInt8>, _ axis: ResampleWeights,
        _ weights: UnsafePointer<Int32>, _ newWidth: Int
    ) {
        for position in 0..<newWidth {
            var (red, green, blue) = (half, half, half)
            var pixel = source + 3 * axis.starts[position]
            let taps = weights + position * axis.stride
            for tap in 0..<axis.counts[position] {
                red &+= Int32(pixel[0]) &* taps[tap]
                green &+= Int32(pixel[1]) &* taps[tap]
                blue &+= Int32(pixel[2]) &* taps[tap]
                pixel += 3
            }
            destination[3 * position] = clipped(red)
            destination[3 * position + 1] = clipped(green)
            destination[3 * position + 2] = clipped(blue)
        }
    }

    private static func resampleRow1(
        _ source: UnsafePointer<UInt8>, _ destination: UnsafeMutablePointer<UInt8>, _ axis: ResampleWeights,
        _ weights: UnsafePointer<Int32>, _ newWidth: Int
    ) {
        for position in 0..<newWidth {
            var sum = half
            let pixel = source + axis.starts[position]
            let taps = weights + position * axis.stride
            for tap in 0..<axis.counts[position] { sum &+= Int32(pixel[tap]) &* taps[tap] }
            destination[position] = clipped(sum)
        }
    }

    private func columnsResampled(_ axis: ResampleWeights, to newHeight: Int) -> Image {
        let row = width * channels
        var sums = [Int32](repeating: 0, count: row)
        let result = [UInt8](unsafeUninitializedCapacity: row * newHeight) { target, count in
            guard let output = target.baseAddress else { return }
            pixels.withUnsafeBufferPointer { pixels in
                sums.withUnsafeMutableBufferPointer { sums in
                    guard let input = pixels.baseAddress, let sums = sums.baseAddress else { return }
                    for position in 0..<newHeight {
                        for index in 0..<row { sums[index] = Self.half }
                        for tap in 0..<axis.counts[position] {
                            let source = input + (axis.starts[position] + tap) * row
                            let weight = axis.weights[position * axis.stride + tap]
                            for index in 0..<row { sums[index] &+= Int32(source[index]) &* weight }
                        }
                        let destination = output + position * row
                        for index in 0..<row { destination[index] = Self.clipped(sums[index]) }
                    }
                }
            }
            count = row * newHeight
        }
        return Image(width, newHeight, channels, result)
    }

    /// One half in fixed point, so that the shift in ``clipped(_:)`` rounds.
    private static var half: Int32 { 1 << (ResampleWeights.precision - 1) }

    @inline(__always)
    private static func clipped(_ sum: Int32) -> UInt8 {
        UInt8(truncatingIfNeeded: max(0, min(255, sum >> ResampleWeights.precision)))
    }
}
