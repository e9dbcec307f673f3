// SPDX-License-Identifier: Apache-2.0
import Crypto
import Evidence

/// The launch of an SNP guest by QEMU and KVM with direct kernel boot.
///
/// - Source: AMD 56860; QEMU, target/i386/sev.c; virtee/sev-snp-measure and a real report agree.
package struct SNPLaunch: Sendable, Hashable {
    /// The values of `SEV_FEATURES` that host kernels give a guest: SNP alone, and with debug register swapping, the
    /// default of some.
    package static let hostFeatures: [UInt64] = [0x1, 0x21]
    package static let processorCounts = 1...512
    /// The address under which save areas are measured.
    private static let saveAreaAddress: UInt64 = 0xFFFF_FFFF_F000

    package let firmware: SNPFirmware
    package let hashes: KernelHashes
    package let processors: Int
    package let model: ProcessorModel
    package let features: UInt64

    /// - Throws: ``ImageError`` (invalidArgument) for a number of processors outside ``processorCounts``.
    package init(
        firmware: SNPFirmware, hashes: KernelHashes, processors: Int, model: ProcessorModel, features: UInt64
    ) throws(ImageError) {
        guard Self.processorCounts.contains(processors) else {
            throw ImageError(.invalidArgument, "an SNP guest has 1 to 512 processors, not \(processors)")
        }
        self.firmware = firmware
        self.hashes = hashes
        self.processors = processors
        self.model = model
        self.features = features
    }

    /// `measurement`, the launch digest.
    package func measurement() -> LaunchMeasurement {
        let name = "measurement"
        var measurement = LaunchMeasurement()
        var digest = LaunchDigest(firmware.digest)
        measurement.note(name, "the firmware's pages", digest.value)
        for section in firmware.sections {
            add(section, to: &digest)
            let place = String(section.address, radix: 16)
            measurement.note(name, "\(section.kind), \(section.byteCount) bytes at 0x\(place)", digest.value)
        }
        for processor in 0..<processors {
            let address = processor == 0 ? ProcessorState.firstAddress : firmware.resetAddress
            let state = ProcessorState(startingAt: address, model, features: features)
            digest.add(.processor, at: Self.saveAreaAddress, Array(SHA384.hash(data: state.page)))
            measurement.note(
                name,
                "processor \(processor + 1), \(model.name), starting at 0x\(String(address, radix: 16)), features "
                    + "0x\(String(features, radix: 16))", digest.value)
        }
        return measurement
    }

    private func add(_ section: SNPFirmware.Section, to digest: inout LaunchDigest) {
        switch section.kind {
        case .memory, .callingArea:
            for offset in stride(from: 0, to: section.byteCount, by: SNPFirmware.pageBytes) {
                digest.add(.zero, at: section.address + UInt64(offset))
            }
        case .secrets: digest.add(.secrets, at: section.address)
        case .cpuid: digest.add(.cpuid, at: section.address)
        case .kernelHashes:
            let page = hashes.page(at: firmware.hashesTableAddress)
            digest.add(.normal, at: section.address, Array(SHA384.hash(data: page)))
        }
    }
}
