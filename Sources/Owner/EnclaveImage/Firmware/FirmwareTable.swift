// SPDX-License-Identifier: Apache-2.0
/// The GUIDed table at the end of OVMF, in which a virtual machine monitor finds the firmware's parameters.
///
/// - Source: edk2, OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm.
struct FirmwareTable: Sendable {
    /// Limit of the firmware's size; the largest OVMF images have 16 MiB.
    static let maximumFirmwareBytes = 64 << 20
    private static let maximumEntries = 64
    private static let entryBytes = 18
    /// Bytes after the table, which contain the reset vector.
    private static let bytesBehind = 32
    private static let footer = FirmwareIdentifier("96b582de-1fb2-45f7-baea-a366c55a082d")

    private let entries: [FirmwareIdentifier: ArraySlice<UInt8>]

    /// - Throws: ``ImageError`` (wrongFile) for firmware without a table, (malformed) for an invalid table.
    init(_ firmware: [UInt8]) throws(ImageError) {
        guard (4096...Self.maximumFirmwareBytes).contains(firmware.count) else {
            throw ImageError(
                .wrongFile,
                "the firmware has \(firmware.count) bytes; expected 4096 to \(Self.maximumFirmwareBytes)",
                remedy: "give a build of OVMF")
        }
        let end = firmware.count - Self.bytesBehind
        guard Array(firmware[(end - 16)..<end]) == Self.footer.bytes,
            let size = firmware.littleEndian(UInt16.self, at: end - Self.entryBytes)
        else {
            throw ImageError(
                .wrongFile, "the firmware has no table of OVMF at its end",
                remedy: "give a whole build of OVMF (not OVMF_VARS, and no other firmware)")
        }
        guard Int(size) >= Self.entryBytes, Int(size) <= end else {
            throw ImageError(.malformed, "the firmware's table claims \(size) bytes, which it does not have")
        }
        var entries: [FirmwareIdentifier: ArraySlice<UInt8>] = [:]
        let start = end - Int(size)
        var position = end - Self.entryBytes
        while position > start {
            guard position - start >= Self.entryBytes, entries.count < Self.maximumEntries,
                let length = firmware.littleEndian(UInt16.self, at: position - Self.entryBytes),
                Int(length) >= Self.entryBytes, Int(length) <= position - start
            else {
                throw ImageError(.malformed, "an entry of the firmware's table, at byte \(position), is out of bounds")
            }
            let identifier = FirmwareIdentifier(bytes: Array(firmware[(position - 16)..<position]))
            let content = firmware[(position - Int(length))..<(position - Self.entryBytes)]
            guard entries.updateValue(content, forKey: identifier) == nil else {
                throw ImageError(.malformed, "the firmware's table has an entry twice")
            }
            position -= Int(length)
        }
        self.entries = entries
    }

    /// The first four bytes of an entry; a size may follow.
    ///
    /// - Returns: `nil` if there is no such entry.
    /// - Throws: ``ImageError`` (malformed) if it has fewer bytes.
    func number(_ identifier: FirmwareIdentifier, _ what: String) throws(ImageError) -> UInt32? {
        guard let content = entries[identifier] else { return nil }
        guard let value = content.littleEndian(UInt32.self, at: 0) else {
            throw ImageError(.malformed, "the firmware's \(what) has \(content.count) bytes; expected 4 or more")
        }
        return value
    }
}
