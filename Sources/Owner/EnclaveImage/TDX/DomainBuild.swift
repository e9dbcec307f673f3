// SPDX-License-Identifier: Apache-2.0
import Crypto

/// MRTD: the measurement by Intel's TDX module while a virtual machine monitor builds a trust domain from its firmware.
///
/// - Source: Intel TDX Module Base Architecture Specification, TDH.MEM.PAGE.ADD and TDH.MR.EXTEND.
package struct DomainBuild: Sendable {
    /// The order in which the monitor adds and measures pages; the digest depends on it.
    package enum Order: Sendable, Hashable, CaseIterable {
        /// Each page is measured as it is added: QEMU from 10.1 on.
        case pageByPage
        /// All pages of a section are added before they are measured: Intel's patches of QEMU 8.
        case sectionBySection
    }

    private static let chunkBytes = 256

    private let firmware: [UInt8]
    private let metadata: TDVFMetadata
    private let order: Order

    /// - Throws: The same ``ImageError`` as ``TDVFMetadata``.
    package init(firmware: [UInt8], order: Order = .pageByPage) throws(ImageError) {
        self.firmware = firmware
        self.metadata = try TDVFMetadata(firmware)
        self.order = order
    }

    /// `mrtd`.
    package func measurement() -> LaunchMeasurement {
        var measurement = LaunchMeasurement()
        var digest = SHA384()
        for section in metadata.sections {
            let place =
                "section of kind \(section.kind), \(section.byteCount) bytes at 0x"
                + String(section.address, radix: 16)
            guard !section.isAugmented else {
                measurement.note("mrtd", place + ", added later", Array(digest.finalize()))
                continue
            }
            let pages = stride(from: UInt64(0), to: section.byteCount, by: TDVFMetadata.pageBytes)
            for offset in pages {
                add(section.address + offset, to: &digest)
                if section.isExtended, order == .pageByPage { extend(section, offset, &digest) }
            }
            if section.isExtended, order == .sectionBySection {
                for offset in pages { extend(section, offset, &digest) }
            }
            measurement.note(
                "mrtd", place + (section.isExtended ? ", with its content" : ", without its content"),
                Array(digest.finalize()))
        }
        measurement.values["mrtd"] = Array(digest.finalize())
        return measurement
    }

    private func add(_ address: UInt64, to digest: inout SHA384) {
        digest.update(data: Array("MEM.PAGE.ADD".utf8) + .zeros(4) + .littleEndian(address) + .zeros(104))
    }

    /// Extends the digest with a page's content, in chunks together with their addresses.
    private func extend(_ section: TDVFMetadata.Section, _ offset: UInt64, _ digest: inout SHA384) {
        var page = [UInt8].zeros(TDVFMetadata.pageBytes)
        let start = Int(offset)
        if start < section.fileByteCount {
            let count = min(TDVFMetadata.pageBytes, section.fileByteCount - start)
            let place = section.fileOffset + start
            page.put(Array(firmware[place..<(place + count)]), at: 0)
        }
        for chunk in stride(from: 0, to: TDVFMetadata.pageBytes, by: Self.chunkBytes) {
            let address = section.address + offset + UInt64(chunk)
            digest.update(data: Array("MR.EXTEND".utf8) + .zeros(7) + .littleEndian(address) + .zeros(104))
            digest.update(data: page[chunk..<(chunk + Self.chunkBytes)])
        }
    }
}
