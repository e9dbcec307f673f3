// SPDX-License-Identifier: Apache-2.0
import CImageCodecs

extension Image {
    /// Limit of the size of an image file, in bytes.
    public static let maximumFileBytes = 256 << 20
    /// Limit of width times height of a JPEG picture in one sequential scan, in pixels: over ``maximumPixelCount`` it
    /// is scaled down while it is decoded. Of other JPEG pictures the decoder would hold all coefficients.
    private static let maximumScaledPixelCount = 256 << 20

    /// Decodes a JPEG, PNG, WebP or BMP file, or the first picture of a GIF or TIFF file. The format is recognised by
    /// the first bytes.
    ///
    /// The Exif orientation is applied. Alpha is composed over black. Of 16-bit samples the high byte is taken. CMYK is
    /// converted without a colour profile. Grey images stay grey. A JPEG picture over ``maximumPixelCount``, up to
    /// 256 million pixels, is decoded at a half or a quarter of its width and height, unless it is progressive or has
    /// several scans.
    ///
    /// - Throws: ``ImagingError``: `.unsupportedFormat`, `.corrupt` (which includes truncated) or `.tooLarge`.
    public init(decoding file: RawSpan) throws(ImagingError) {
        guard file.byteCount <= Self.maximumFileBytes else {
            throw ImagingError(
                .tooLarge, "the file has \(file.byteCount) bytes, the limit is \(Self.maximumFileBytes)")
        }
        self = try file.withUnsafeBytes { bytes throws(ImagingError) in
            try Self.decode(BigEndianBytes(bytes))
        }
    }

    private static func decode(_ file: BigEndianBytes) throws(ImagingError) -> Image {
        guard file.count > 0 else { throw ImagingError(.corrupt, "the file is empty") }
        if BMPPicture.begins(file) { return try BMPPicture.image(file) }
        if GIFPicture.begins(file) { return try GIFPicture.image(file) }
        if TIFFPicture.begins(file) { return try TIFFPicture.image(file) }
        guard let format = PictureFormat(of: file) else {
            let kind = OtherPictures.remedy(for: file).map { ", but \($0)" } ?? ""
            throw ImagingError(.unsupportedFormat, "not a JPEG, PNG, WebP, BMP, GIF or TIFF picture\(kind)")
        }
        let jpeg = format == .jpeg ? try JPEGHeader(file) : nil
        let stored: PictureHeader
        if let jpeg { stored = jpeg.picture } else { stored = try format.header(of: file) }
        try check(
            width: stored.width, height: stored.height,
            limit: stored.isScalable ? maximumScaledPixelCount : maximumPixelCount)
        let header = decoded(stored)
        var pixels = try rawPixels(of: file, format, header, jpeg)
        switch header.channels {
        case 2: AlphaComposition.composeOverBlack(&pixels, colours: 1)
        case 4 where format == .jpeg: CMYKConversion.convertToRGB(&pixels)
        case 4: AlphaComposition.composeOverBlack(&pixels, colours: 3)
        default: break
        }
        let image = Image(header.width, header.height, header.channels <= 2 ? 1 : 3, pixels)
        var upright = header.orientation.applied(to: image)
        upright.isReduced = header.width != stored.width
        return upright
    }

    /// The header with the width and height that are decoded. The decoder of JPEG scales to a half or a quarter,
    /// rounded up, if that is what it is asked for.
    private static func decoded(_ stored: PictureHeader) -> PictureHeader {
        var header = stored
        while header.width * header.height > maximumPixelCount {
            header.width = (header.width + 1) / 2
            header.height = (header.height + 1) / 2
        }
        return header
    }

    private static func rawPixels(
        of file: BigEndianBytes, _ format: PictureFormat, _ header: PictureHeader, _ jpeg: JPEGHeader?
    ) throws(ImagingError) -> [UInt8] {
        // `check` has bounded all three.
        let (width, height, channels) = (UInt32(header.width), UInt32(header.height), UInt32(header.channels))
        var pixels = [UInt8](repeating: 0, count: header.width * header.height * header.channels)
        try CodecMessage.check(format.rawValue) { message in
            pixels.withUnsafeMutableBufferPointer { target in
                file.withBytes { original in
                    // Copied only if something is corrected.
                    var corrected = jpeg.map { $0.corrections.isEmpty ? [] : Array(original) } ?? []
                    for correction in jpeg?.corrections ?? [] { corrected[correction.offset] = correction.value }
                    let decode =
                        switch format {
                        case .jpeg: icc_decode_jpeg
                        case .png: icc_decode_png
                        case .webp: icc_decode_webp
                        }
                    func status(of source: UnsafeBufferPointer<UInt8>) -> CInt {
                        decode(source.baseAddress, source.count, width, height, channels, target.baseAddress, message)
                    }
                    let found =
                        corrected.isEmpty ? status(of: original) : corrected.withUnsafeBufferPointer(status)
                    return found == ICC_PADDING && jpeg?.hasAllIntervals == true ? 0 : found
                }
            }
        }
        return pixels
    }
}
