// SPDX-License-Identifier: Apache-2.0
import Crypto

/// The hash table with which firmware checks kernel, initial disk and command line. The host passes these unmeasured;
/// the table is measured.
///
/// - Source: QEMU, target/i386/sev.c, `SevHashTable`.
package struct KernelHashes: Sendable, Hashable {
    static let byteCount = 176
    private static let entryBytes: UInt16 = 50
    private static let header = FirmwareIdentifier("9438d606-4f22-4cc9-b479-a793d411fd21")
    private static let commandLineEntry = FirmwareIdentifier("97d02dd8-bd20-4c94-aa78-e7714d36ab2a")
    private static let initialDiskEntry = FirmwareIdentifier("44baf731-3a2f-4bd7-9af1-41e29169781d")
    private static let kernelEntry = FirmwareIdentifier("4de79437-abd2-427f-b835-d5b172d2045b")

    /// SHA-256, each.
    package let kernel: [UInt8]
    package let initialDisk: [UInt8]
    /// SHA-256 over the text and a NUL.
    package let commandLine: [UInt8]

    package init(kernel: [UInt8], initialDisk: [UInt8], commandLine: String) {
        self.init(
            kernelDigest: Array(SHA256.hash(data: kernel)), initialDiskDigest: Array(SHA256.hash(data: initialDisk)),
            commandLine: commandLine)
    }

    package init(kernelDigest: [UInt8], initialDiskDigest: [UInt8], commandLine: String) {
        self.kernel = kernelDigest
        self.initialDisk = initialDiskDigest
        self.commandLine = Array(SHA256.hash(data: Array(commandLine.utf8) + [0]))
    }

    /// The guest page that contains the table, otherwise zero.
    func page(at address: UInt32) -> [UInt8] {
        let entries: [(FirmwareIdentifier, [UInt8])] = [
            (Self.commandLineEntry, commandLine), (Self.initialDiskEntry, initialDisk), (Self.kernelEntry, kernel),
        ]
        let table =
            Self.header.bytes + .littleEndian(UInt16(18 + entries.count * Int(Self.entryBytes)))
            + entries.flatMap { $0.bytes + .littleEndian(Self.entryBytes) + $1 }
        var page = [UInt8].zeros(SNPFirmware.pageBytes)
        page.put(table, at: Int(address) % SNPFirmware.pageBytes)
        return page
    }
}
