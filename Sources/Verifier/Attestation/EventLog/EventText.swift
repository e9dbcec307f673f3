// SPDX-License-Identifier: Apache-2.0
/// Names of events, and the readable text in their data.
///
/// - Source: TCG PC Client Platform Firmware Profile, section 10.4.1.
enum EventText {
    private static let maximumCharacters = 160

    private static let names: [UInt32: String] = [
        0x3: "EV_NO_ACTION", 0x4: "EV_SEPARATOR", 0x5: "EV_ACTION", 0x6: "EV_EVENT_TAG", 0x7: "EV_S_CRTM_CONTENTS",
        0x8: "EV_S_CRTM_VERSION", 0x9: "EV_CPU_MICROCODE", 0xA: "EV_PLATFORM_CONFIG_FLAGS", 0xB: "EV_TABLE_OF_DEVICES",
        0xC: "EV_COMPACT_HASH", 0xD: "EV_IPL", 0xE: "EV_IPL_PARTITION_DATA",
        0x8000_0001: "EV_EFI_VARIABLE_DRIVER_CONFIG", 0x8000_0002: "EV_EFI_VARIABLE_BOOT",
        0x8000_0003: "EV_EFI_BOOT_SERVICES_APPLICATION", 0x8000_0004: "EV_EFI_BOOT_SERVICES_DRIVER",
        0x8000_0005: "EV_EFI_RUNTIME_SERVICES_DRIVER", 0x8000_0006: "EV_EFI_GPT_EVENT", 0x8000_0007: "EV_EFI_ACTION",
        0x8000_0008: "EV_EFI_PLATFORM_FIRMWARE_BLOB", 0x8000_0009: "EV_EFI_HANDOFF_TABLES",
        0x8000_000A: "EV_EFI_PLATFORM_FIRMWARE_BLOB2", 0x8000_000B: "EV_EFI_HANDOFF_TABLES2",
        0x8000_000C: "EV_EFI_VARIABLE_BOOT2", 0x8000_00E0: "EV_EFI_VARIABLE_AUTHORITY",
    ]

    static func name(of kind: UInt32) -> String { names[kind] ?? "event 0x\(String(kind, radix: 16))" }

    /// The printable text in the data, of one or two bytes a character; nothing where most of it is not text.
    static func text(of data: [UInt8]) -> String {
        let isPrintable = { (byte: UInt8) in (0x20...0x7E).contains(byte) }
        // UTF-16 of plain text has a zero in every other byte.
        let runs = data.filter { $0 != 0 }
        guard !runs.isEmpty, runs.count(where: isPrintable) * 4 >= runs.count * 3 else {
            return data.isEmpty ? "" : "\(data.count) bytes"
        }
        let text = String(decoding: runs.filter(isPrintable).prefix(maximumCharacters), as: UTF8.self)
        return "'\(text)'"
    }
}
