// SPDX-License-Identifier: Apache-2.0
/// The firmware's metadata (TDVF) for building a trust domain.
///
/// - Source: Intel TDX Virtual Firmware Design Guide, section 11.
package struct TDVFMetadata: Sendable, Hashable {
    package struct Section: Sendable, Hashable {
        /// Offset and length of the content in the file; the rest of the section is zero.
        package let fileOffset: Int
        package let fileByteCount: Int
        /// Guest physical address, a multiple of 4096.
        package let address: UInt64
        /// A multiple of 4096.
        package let byteCount: UInt64
        /// 0 firmware volume with code, 1 with variables, 2 hand-off block, 3 temporary memory, from 4 on other kinds.
        package let kind: UInt32
        /// Whether the content is measured into MRTD.
        package let isExtended: Bool
        /// Whether the pages are added after the build, and so are not part of MRTD.
        package let isAugmented: Bool
    }

    static let pageBytes = 4096
    private static let maximumSections = 64
    /// Limit of the size of all pages that are added before the start.
    private static let maximumAddedBytes: UInt64 = 64 << 20
    private static let metadata = FirmwareIdentifier("e47a6535-984a-4798-865e-4685a7bf8ec2")

    package let sections: [Section]

    /// - Throws: ``ImageError`` (wrongFile) for firmware that is not for TDX, or (malformed).
    package init(_ firmware: [UInt8]) throws(ImageError) {
        guard let offset = try FirmwareTable(firmware).number(Self.metadata, "TDX metadata offset") else {
            throw ImageError(
                .wrongFile, "the firmware has no TDX metadata: it is not for TDX",
                remedy:
                    "give OVMF.fd of Debian 13's package ovmf (in /usr/share/ovmf), or build OvmfPkg/OvmfPkgX64.dsc of edk2-stable202302 or later"
            )
        }
        let start = firmware.count - Int(offset)
        guard start >= 0, firmware[start...].starts(with: "TDVF".utf8),
            let size = firmware.littleEndian(UInt32.self, at: start + 4),
            let version = firmware.littleEndian(UInt32.self, at: start + 8),
            let count = firmware.littleEndian(UInt32.self, at: start + 12)
        else { throw ImageError(.malformed, "the firmware's TDX metadata are not where its table says") }
        guard version == 1, count <= Self.maximumSections, Int(size) == 16 + 32 * Int(count) else {
            throw ImageError(
                .malformed, "the firmware's TDX metadata have version \(version), \(count) sections in \(size) bytes")
        }
        var sections: [Section] = []
        var added: UInt64 = 0
        for index in 0..<Int(count) {
            let section = try Self.section(firmware, at: start + 16 + 32 * index)
            if !section.isAugmented {
                guard section.byteCount <= Self.maximumAddedBytes - added else {
                    throw ImageError(.malformed, "the firmware's TDX sections have more than 64 MiB")
                }
                added += section.byteCount
            }
            sections.append(section)
        }
        self.sections = sections
    }

    private static func section(_ firmware: [UInt8], at place: Int) throws(ImageError) -> Section {
        func number<Value: FixedWidthInteger>(_ type: Value.Type, _ offset: Int) throws(ImageError) -> Value {
            guard let value = firmware.littleEndian(type, at: place + offset) else {
                throw ImageError(.malformed, "the firmware's TDX metadata end early")
            }
            return value
        }
        let (fileOffset, fileByteCount) = (Int(try number(UInt32.self, 0)), Int(try number(UInt32.self, 4)))
        let (address, byteCount) = (try number(UInt64.self, 8), try number(UInt64.self, 16))
        let (kind, attributes) = (try number(UInt32.self, 24), try number(UInt32.self, 28))
        let page = UInt64(pageBytes)
        guard address.isMultiple(of: page), byteCount.isMultiple(of: page), attributes <= 3,
            UInt64(fileByteCount) <= byteCount, fileOffset <= firmware.count,
            fileByteCount <= firmware.count - fileOffset,
            !address.addingReportingOverflow(byteCount).overflow
        else {
            throw ImageError(
                .malformed,
                "a TDX section of the firmware, for guest address \(address), is not of whole pages of the file, or has "
                    + "unknown attributes \(attributes)")
        }
        return Section(
            fileOffset: fileOffset, fileByteCount: fileByteCount, address: address, byteCount: byteCount, kind: kind,
            isExtended: attributes & 1 != 0, isAugmented: attributes & 2 != 0)
    }
}
