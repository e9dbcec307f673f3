// SPDX-License-Identifier: Apache-2.0
/// Image formats that are not supported, recognised by their first bytes, with a program that converts them.
enum OtherPictures {
    /// The format and what to do about it; `nil` if the first bytes match no known format.
    ///
    /// - Source: ISO/IEC 14496-12 (file type box) for HEIC and AVIF; the formats' own specifications for the others.
    static func remedy(for file: BigEndianBytes) -> String? {
        func begins(_ text: String, at offset: Int = 0) -> Bool { file.starts(with: Array(text.utf8), at: offset) }
        if begins("ftyp", at: 4) {
            let brands = ["heic", "heix", "heim", "heis", "hevc", "mif1", "msf1"]
            if brands.contains(where: { begins($0, at: 8) }) {
                return "a HEIC picture, as phones take them: convert it with `heif-convert FILE picture.jpg`"
            }
            if begins("avif", at: 8) || begins("avis", at: 8) {
                return "an AVIF picture: convert it with `heif-convert FILE picture.png`"
            }
        }
        if begins("II+\0") || begins("MM\0+") { return converted("a BigTIFF picture") }
        if begins("BM") { return converted("a BMP picture") }
        if begins("jP  ", at: 4) || file.starts(with: [0xFF, 0x4F, 0xFF, 0x51]) {
            return converted("a JPEG 2000 picture")
        }
        if begins("<svg") || begins("<?xml") { return converted("a drawing (SVG)") }
        if begins("version https://git-lfs") { return "a Git LFS pointer: run `git lfs pull`" }
        return nil
    }

    private static func converted(_ what: String) -> String { "\(what): convert it with `convert FILE picture.png`" }
}
