// SPDX-License-Identifier: Apache-2.0
import Crypto

/// The digest with which firmware measures an EFI application: SHA-384 over the file without its checksum, its
/// signature directory entry and the signatures. Correct for files with contiguous sections, such as a kernel.
///
/// - Source: Microsoft, Windows Authenticode Portable Executable Signature Format, "Calculating the PE Image Hash".
enum PEImage {
    private static let optionalHeader = 24
    private static let pe32Plus: UInt16 = 0x20B

    /// - Throws: ``ImageError`` (wrongFile) for a file that is no PE file of 64-bit x86.
    static func digest(of file: [UInt8]) throws(ImageError) -> [UInt8] {
        guard file.starts(with: "MZ".utf8), let offset = file.littleEndian(UInt32.self, at: 0x3C),
            let start = Int(exactly: offset), start <= file.count - 4, file[start...].starts(with: "PE\0\0".utf8),
            file.littleEndian(UInt16.self, at: start + optionalHeader) == pe32Plus,
            let directories = file.littleEndian(UInt32.self, at: start + optionalHeader + 108)
        else {
            throw ImageError(
                .wrongFile, "the kernel is no EFI application", remedy: "give a kernel with CONFIG_EFI_STUB=y")
        }
        let checksum = start + optionalHeader + 64
        // The fifth data directory locates the signatures, which are at the end of the file.
        let entry = start + optionalHeader + 112 + 4 * 8
        var end = file.count
        var skipped = [checksum..<(checksum + 4)]
        if directories > 4 {
            guard let table = file.littleEndian(UInt32.self, at: entry),
                let size = file.littleEndian(UInt32.self, at: entry + 4)
            else { throw ImageError(.malformed, "the kernel's header is cut off") }
            skipped.append(entry..<(entry + 8))
            if size > 0 {
                guard Int(table) >= entry + 8, Int(table) + Int(size) == file.count else {
                    throw ImageError(.malformed, "the kernel's signatures are not at the end of the file")
                }
                end = Int(table)
            }
        }
        var digest = SHA384()
        var position = 0
        for range in skipped {
            digest.update(data: file[position..<range.lowerBound])
            position = range.upperBound
        }
        digest.update(data: file[position..<end])
        digest.update(data: [UInt8].zeros((8 - end % 8) % 8))
        return Array(digest.finalize())
    }
}
