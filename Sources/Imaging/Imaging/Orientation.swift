// SPDX-License-Identifier: Apache-2.0
/// How a stored image must be turned to be upright: the Exif tag Orientation.
///
/// - Source: Exif 2.32 (CIPA DC-008), section 4.6.4, tag 0x0112.
enum Orientation: UInt16, Sendable, CaseIterable {
    case upright = 1
    case mirrored = 2
    case upsideDown = 3
    case flipped = 4
    case transposed = 5
    case turnedRight = 6
    case transversed = 7
    case turnedLeft = 8

    /// Whether width and height are swapped.
    private var swapsSides: Bool { rawValue >= 5 }

    /// `image` turned upright.
    func applied(to image: Image) -> Image {
        guard self != .upright else { return image }
        let (width, height, channels) = (image.width, image.height, image.channels)
        let (newWidth, newHeight) = swapsSides ? (height, width) : (width, height)
        // The source index of the result pixel (x, y) is first + x * stepX + y * stepY, in pixels.
        let (right, bottom) = (width - 1, (height - 1) * width)
        let (first, stepX, stepY) =
            switch self {
            case .upright: (0, 1, width)
            case .mirrored: (right, -1, width)
            case .upsideDown: (bottom + right, -1, -width)
            case .flipped: (bottom, 1, -width)
            case .transposed: (0, width, 1)
            case .turnedRight: (bottom, -width, 1)
            case .transversed: (bottom + right, -width, -1)
            case .turnedLeft: (right, width, -1)
            }
        let pixels = [UInt8](unsafeUninitializedCapacity: image.pixels.count) { target, count in
            var index = 0
            for y in 0..<newHeight {
                for x in 0..<newWidth {
                    let source = (first + x * stepX + y * stepY) * channels
                    for channel in 0..<channels {
                        target[index] = image.pixels[source + channel]
                        index += 1
                    }
                }
            }
            count = index
        }
        return Image(newWidth, newHeight, channels, pixels)
    }

    /// The orientation in Exif data (a TIFF file); upright if there is none or the data is damaged, as viewers do.
    ///
    /// - Source: TIFF 6.0, section 2. Only the first directory, that of the image itself, is read.
    init(exif: BigEndianBytes) {
        self = Self.stated(in: exif) ?? .upright
    }

    private static func stated(in exif: BigEndianBytes) -> Orientation? {
        var tiff = exif
        // WebP and some PNG writers keep the prefix that JPEG files need.
        if tiff.starts(with: Array("Exif\0\0".utf8)) { tiff = tiff.dropping(6) }
        let littleEndian: Bool
        switch tiff.u16(at: 0) {
        case 0x4949: littleEndian = true
        case 0x4D4D: littleEndian = false
        default: return nil
        }
        func short(_ offset: Int) -> UInt16? { tiff.u16(at: offset).map { littleEndian ? $0.byteSwapped : $0 } }
        func long(_ offset: Int) -> UInt32? { tiff.u32(at: offset).map { littleEndian ? $0.byteSwapped : $0 } }
        guard short(2) == 42, let directory = long(4).map(Int.init), let count = short(directory) else { return nil }
        for entry in 0..<Int(count) {
            let offset = directory + 2 + 12 * entry
            guard let tag = short(offset) else { return nil }
            // One value of type SHORT is in the first two bytes of the value field.
            if tag == 0x0112, short(offset + 2) == 3, long(offset + 4) == 1 {
                return short(offset + 8).flatMap(Orientation.init(rawValue:))
            }
        }
        return nil
    }
}
