// SPDX-License-Identifier: Apache-2.0
import CImageCodecs

extension Image {
    /// The bytes of a PNG file with exactly these pixels, 8-bit grey or RGB. Equal images give equal bytes with the
    /// same version of libpng.
    ///
    /// - Throws: ``ImagingError`` when libpng runs out of memory.
    package func pngBytes() throws(ImagingError) -> [UInt8] {
        let (width, height, channels) = (UInt32(width), UInt32(height), UInt32(channels))
        let capacity = icc_png_capacity(width, height, channels)
        var failure: ImagingError?
        let file = [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
            do throws(ImagingError) {
                var size = capacity
                try CodecMessage.check("PNG") { message in
                    icc_encode_png(pixels, width, height, channels, target.baseAddress, &size, message)
                }
                count = size
            } catch { failure = error }
        }
        if let failure { throw failure }
        return file
    }
}
