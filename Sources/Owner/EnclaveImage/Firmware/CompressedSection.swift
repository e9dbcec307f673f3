// SPDX-License-Identifier: Apache-2.0
/// A section of a firmware volume that is compressed with LZMA, as the main volume of OVMF is.
///
/// - Source: UEFI Platform Initialization 1.8, volume 3, section 3.2.5 (EFI_SECTION_GUID_DEFINED); edk2,
///   MdeModulePkg/Include/Guid/LzmaDecompress.h.
package struct CompressedSection: Sendable, Hashable {
    private static let lzma = FirmwareIdentifier("ee4e5898-3914-4259-9d6e-dc7bd79403cf")
    private static let guidDefined: UInt8 = 0x02
    /// This 24-bit size means that a 32-bit size follows.
    private static let extended = 0xFF_FFFF
    private static let streamHeaderBytes = 13
    private static let maximumSections = 16
    private static let maximumPlainBytes: UInt64 = 256 << 20

    /// A file in the LZMA alone format: properties, dictionary size, uncompressed size, stream.
    package let stream: [UInt8]

    /// The top-level compressed sections of a firmware's volumes.
    package static func all(in firmware: [UInt8]) -> [CompressedSection] {
        var found: [CompressedSection] = []
        var rest = firmware[...]
        while found.count < maximumSections, let range = rest.firstRange(of: lzma.bytes) {
            rest = firmware[range.upperBound...]
            guard let section = CompressedSection(firmware, identifierAt: range.lowerBound) else { continue }
            found.append(section)
        }
        return found
    }

    /// - Returns: `nil` if the identifier has another meaning there, as in a table.
    private init?(_ firmware: [UInt8], identifierAt place: Int) {
        guard let dataOffset = firmware.littleEndian(UInt16.self, at: place + 16) else { return nil }
        for (headerBytes, isExtended) in [(4, false), (8, true)] where place >= headerBytes {
            let start = place - headerBytes
            guard firmware[start + 3] == Self.guidDefined, let word = firmware.littleEndian(UInt32.self, at: start)
            else { continue }
            var size = Int(word & 0xFF_FFFF)
            guard isExtended == (size == Self.extended) else { continue }
            if isExtended { size = Int(firmware.littleEndian(UInt32.self, at: start + 4) ?? 0) }
            guard Int(dataOffset) >= headerBytes + 20, size >= Int(dataOffset) + Self.streamHeaderBytes,
                size <= firmware.count - start,
                let plain = firmware.littleEndian(UInt64.self, at: start + Int(dataOffset) + 5),
                plain <= Self.maximumPlainBytes
            else { continue }
            stream = Array(firmware[(start + Int(dataOffset))..<(start + size)])
            return
        }
        return nil
    }
}
