// SPDX-License-Identifier: Apache-2.0
/// Composes pixels with alpha over black, in place.
enum AlphaComposition {
    /// Multiplies the first `colours` channels by the last one (alpha) and removes it, rounded to nearest.
    static func composeOverBlack(_ pixels: inout [UInt8], colours: Int) {
        let count = pixels.count / (colours + 1)
        pixels.withUnsafeMutableBufferPointer { pixels in
            for index in 0..<count {
                let source = index * (colours + 1)
                let alpha = pixels[source + colours]
                // Pixels move forward only, so the write position never passes the read position.
                for channel in 0..<colours {
                    pixels[index * colours + channel] = pixels[source + channel].scaled(by: alpha)
                }
            }
        }
        pixels.removeLast(count)
    }
}

/// Converts the inverted CMYK of Adobe's JPEG files to RGB, in place, without a colour profile.
enum CMYKConversion {
    /// R = K - (255 - C) * K / 255 for stored C and K, and so on, as Pillow does.
    static func convertToRGB(_ pixels: inout [UInt8]) {
        let count = pixels.count / 4
        pixels.withUnsafeMutableBufferPointer { pixels in
            for index in 0..<count {
                let black = pixels[4 * index + 3]
                for channel in 0..<3 {
                    let ink = 255 - pixels[4 * index + channel]
                    pixels[3 * index + channel] = black - ink.scaled(by: black)
                }
            }
        }
        pixels.removeLast(count)
    }
}

extension UInt8 {
    /// `self * factor / 255`, rounded to nearest; at most the smaller of the two.
    fileprivate func scaled(by factor: UInt8) -> UInt8 {
        UInt8(truncatingIfNeeded: (UInt32(self) * UInt32(factor) + 127) / 255)
    }
}
