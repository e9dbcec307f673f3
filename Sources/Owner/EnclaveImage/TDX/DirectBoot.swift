import Crypto

/// RTMR1 and RTMR2 of a trust domain whose kernel QEMU hands to the firmware: the firmware measures the kernel as an EFI
/// application, the kernel's EFI stub its command line and initial disk.
///
/// RTMR0 is not computed: it has the memory's layout, the firmware's variables and QEMU's ACPI tables of one machine.
///
/// - Source: TCG PC Client Platform Firmware Profile, section 3; edk2, SecurityPkg; Linux 6.9, drivers/firmware/efi/libstub.
package struct DirectBoot: Sendable, Hashable {
    /// The firmware's own events that follow the start of the kernel, as their digests are over text.
    private static let events = [
        "Calling EFI Application from Boot Option", "\0\0\0\0", "Exit Boot Services Invocation",
        "Exit Boot Services Returned with Success",
    ]

    /// SHA-384, each: of the kernel as ``PEImage`` says, of the command line as ``commandLineDigest(_:)``, of the file.
    package let kernel: [UInt8]
    package let commandLine: [UInt8]
    package let initialDisk: [UInt8]

    /// - Parameter commandLine: As it is given to QEMU, which adds where the initial disk is found.
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

    /// Over the text in UTF-16 with its NUL, as EFI has it.
    package static func commandLineDigest(_ commandLine: String) -> [UInt8] {
        let text = commandLine + " initrd=initrd\0"
        return Array(SHA384.hash(data: text.utf16.flatMap { [UInt8].littleEndian($0) }))
    }

    /// `rtmr1` and `rtmr2`.
    package func measurement() -> LaunchMeasurement {
        var measurement = LaunchMeasurement()
        var kernelRegister = RuntimeRegister()
        kernelRegister.extend(kernel)
        measurement.note("rtmr1", "the kernel, SHA-384 \(kernel.hexadecimal)", kernelRegister.value)
        for event in Self.events {
            kernelRegister.extend(Array(SHA384.hash(data: Array(event.utf8))))
            measurement.note(
                "rtmr1", event.utf8.first == 0 ? "the separator" : "\"\(event)\"", kernelRegister.value)
        }
        var inputs = RuntimeRegister()
        inputs.extend(commandLine)
        measurement.note("rtmr2", "the command line, SHA-384 \(commandLine.hexadecimal)", inputs.value)
        inputs.extend(initialDisk)
        measurement.note("rtmr2", "the initial disk, SHA-384 \(initialDisk.hexadecimal)", inputs.value)
        return measurement
    }
}
