// SPDX-License-Identifier: Apache-2.0
import Crypto

/// The firmware's parameters for the launch of an SNP guest; the firmware is a build of OVMF.
///
/// - Source: edk2, OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm; QEMU, target/i386/sev.c.
package struct SNPFirmware: Sendable, Hashable {
    package enum Kind: UInt32, Sendable, Hashable {
        case memory = 1
        case secrets = 2
        case cpuid = 3
        /// Calling area of a module at a higher privilege level.
        case callingArea = 4
        case kernelHashes = 0x10
    }

    package struct Section: Sendable, Hashable {
        package let kind: Kind
        /// Guest physical address, a multiple of 4096.
        package let address: UInt64
        /// A multiple of 4096.
        package let byteCount: Int

        package init(_ kind: Kind, address: UInt64, byteCount: Int) {
            self.kind = kind
            self.address = address
            self.byteCount = byteCount
        }
    }

    static let pageBytes = 4096
    private static let maximumSections = 64
    /// Limit of the size of all sections together. OVMF's have less than a mebibyte.
    private static let maximumSectionBytes = 64 << 20
    private static let metadata = FirmwareIdentifier("dc886566-984a-4798-a75e-5585a7bf67cc")
    private static let hashesTable = FirmwareIdentifier("7255371f-3a3b-4b04-927b-1da6efa8d454")
    private static let resetBlock = FirmwareIdentifier("00f771de-1a7e-4fcb-890e-68c77e2fb44e")

    /// The launch digest after the firmware's own pages, 48 bytes, which identifies the firmware file.
    package let digest: [UInt8]
    package let sections: [Section]
    /// Where the firmware expects the hashes of kernel, initial disk and command line.
    package let hashesTableAddress: UInt32
    /// Start address of processors other than the first.
    package let resetAddress: UInt32

    /// A launch with firmware that is known by its digest only.
    package init(
        digest: [UInt8], sections: [Section], hashesTableAddress: UInt32, resetAddress: UInt32
    ) throws(ImageError) {
        self.digest = digest
        self.sections = sections
        self.hashesTableAddress = hashesTableAddress
        self.resetAddress = resetAddress
        try check()
    }

    /// - Throws: ``ImageError`` (wrongFile) naming the Debian package with suitable firmware, or (malformed).
    package init(_ firmware: [UInt8]) throws(ImageError) {
        let table = try FirmwareTable(firmware)
        guard let offset = try table.number(Self.metadata, "SEV metadata offset"),
            let reset = try table.number(Self.resetBlock, "reset block")
        else {
            throw ImageError(.wrongFile, "the firmware has no SEV metadata: it is not for SEV-SNP", remedy: Self.remedy)
        }
        let sections = try Self.sections(firmware, Int(offset))
        guard let hashes = try table.number(Self.hashesTable, "hashes table"),
            sections.contains(where: { $0.kind == .kernelHashes })
        else {
            throw ImageError(
                .wrongFile,
                "the firmware has no section for the hashes of kernel, initial disk and command line: what boots would not be measured",
                remedy: Self.remedy)
        }
        var digest = LaunchDigest()
        let base = (1 << 32) - UInt64(firmware.count)
        guard firmware.count.isMultiple(of: Self.pageBytes) else {
            throw ImageError(.malformed, "the firmware has \(firmware.count) bytes; expected a multiple of 4096")
        }
        for start in stride(from: 0, to: firmware.count, by: Self.pageBytes) {
            digest.add(
                .normal, at: base + UInt64(start), Array(SHA384.hash(data: firmware[start..<(start + Self.pageBytes)])))
        }
        try self.init(
            digest: digest.value, sections: sections, hashesTableAddress: hashes, resetAddress: reset)
    }

    /// The remedy for unsuitable firmware.
    package static let remedy =
        "give OVMF.amdsev.fd of Debian's package ovmf-amdsev (in /usr/share/ovmf), or build OvmfPkg/AmdSev/AmdSevX64.dsc of edk2"

    private static func sections(_ firmware: [UInt8], _ offset: Int) throws(ImageError) -> [Section] {
        let start = firmware.count - offset
        guard start >= 0, firmware[start...].starts(with: "ASEV".utf8),
            let size = firmware.littleEndian(UInt32.self, at: start + 4),
            let version = firmware.littleEndian(UInt32.self, at: start + 8),
            let count = firmware.littleEndian(UInt32.self, at: start + 12)
        else { throw ImageError(.malformed, "the firmware's SEV metadata are not where its table says") }
        guard version == 1, count <= maximumSections, Int(size) == 16 + 12 * Int(count) else {
            throw ImageError(
                .malformed, "the firmware's SEV metadata have version \(version), \(count) sections in \(size) bytes")
        }
        var sections: [Section] = []
        for index in 0..<Int(count) {
            let place = start + 16 + 12 * index
            guard let address = firmware.littleEndian(UInt32.self, at: place),
                let bytes = firmware.littleEndian(UInt32.self, at: place + 4),
                let number = firmware.littleEndian(UInt32.self, at: place + 8)
            else { throw ImageError(.malformed, "the firmware's SEV metadata end early") }
            guard let kind = Kind(rawValue: number) else {
                throw ImageError(.malformed, "the firmware has an SEV section of the unknown kind \(number)")
            }
            sections.append(Section(kind, address: UInt64(address), byteCount: Int(bytes)))
        }
        return sections
    }

    private func check() throws(ImageError) {
        guard digest.count == 48 else {
            throw ImageError(.malformed, "the firmware's digest has \(digest.count) bytes; expected 48")
        }
        let page = UInt64(Self.pageBytes)
        var total = 0
        for section in sections {
            guard section.address.isMultiple(of: page), section.byteCount > 0,
                section.byteCount.isMultiple(of: Self.pageBytes), section.byteCount <= Self.maximumSectionBytes - total
            else {
                throw ImageError(.malformed, "the firmware has an SEV section that is not of whole pages, or too large")
            }
            total += section.byteCount
            guard section.kind == .memory || section.kind == .callingArea || section.byteCount == Self.pageBytes else {
                throw ImageError(
                    .malformed,
                    "the firmware's SEV section \(section.kind) has \(section.byteCount) bytes; expected 4096"
                )
            }
        }
        let hashes = sections.filter { $0.kind == .kernelHashes }
        let table = UInt64(hashesTableAddress)
        guard hashes.count == 1, hashes[0].address == table / page * page,
            Int(table % page) <= Self.pageBytes - KernelHashes.byteCount
        else { throw ImageError(.malformed, "the firmware's table of hashes is not in its one section for them") }
    }
}
