// SPDX-License-Identifier: Apache-2.0
import Crypto
import Evidence

/// RTMR1 and RTMR2 of a trust domain with direct kernel boot by QEMU. The firmware measures the kernel as an EFI
/// application, and the kernel's EFI stub measures its command line and initial disk.
///
/// RTMR0 is not computed: it covers the memory layout, the firmware's variables and QEMU's ACPI tables of one machine.
///
/// - Source: TCG PC Client Platform Firmware Profile, section 3; edk2, SecurityPkg; Linux 6.9,
///   drivers/firmware/efi/libstub.
package struct DirectBoot: Sendable, Hashable {
    /// Events of the firmware after the kernel's start, whose digests are over text.
    private static let events = [
        "Calling EFI Application from Boot Option", "\0\0\0\0", "Exit Boot Services Invocation",
        "Exit Boot Services Returned with Success",
    ]

    /// SHA-384 of the kernel (``PEImage``), of the command line (``commandLineDigest(_:)``), and of the initial disk's
    /// file.
    package let kernel: [UInt8]
    package let commandLine: [UInt8]
    package let initialDisk: [UInt8]

    /// - Parameter commandLine: The command line for QEMU, which appends the location of the initial disk.
    /// - Throws: ``ImageError`` for a kernel without an EFI stub.
    package init(kernel: [UInt8], commandLine: String, initialDisk: [UInt8]) throws(ImageError) {
        self.init(
            kernel: try PEImage.digest(of: kernel), commandLine: Self.commandLineDigest(commandLine),
            initialDisk: Array(SHA384.hash(data: initialDisk)))
    }

    package init(kernel: [UInt8], commandLine: [UInt8], initialDisk: [UInt8]) {
        self.kernel = kernel
        self.commandLine = commandLine
        self.initialDisk = initialDisk
    }

    /// SHA-384 over the text in UTF-16 with its NUL, EFI's form.
    package static func commandLineDigest(_ commandLine: String) -> [UInt8] {
        let text = commandLine + " initrd=initrd\0"
        return Array(SHA384.hash(data: text.utf16.flatMap { [UInt8].littleEndian($0) }))
    }

    /// `rtmr1` and `rtmr2`.
    package func measurement() -> LaunchMeasurement {
        var measurement = LaunchMeasurement()
        var kernelRegister = RuntimeRegister()
        kernelRegister.extend(kernel)
        measurement.note("rtmr1", "the kernel, SHA-384 \(kernel.hex)", kernelRegister.value)
        for event in Self.events {
            kernelRegister.extend(Array(SHA384.hash(data: Array(event.utf8))))
            measurement.note(
                "rtmr1", event.utf8.first == 0 ? "the separator" : "\"\(event)\"", kernelRegister.value)
        }
        var inputs = RuntimeRegister()
        inputs.extend(commandLine)
        measurement.note("rtmr2", "the command line, SHA-384 \(commandLine.hex)", inputs.value)
        inputs.extend(initialDisk)
        measurement.note("rtmr2", "the initial disk, SHA-384 \(initialDisk.hex)", inputs.value)
        return measurement
    }
}
