// SPDX-License-Identifier: Apache-2.0
import EnclaveImage
import Evidence

extension FuzzSeed {
    static func imageSeeds() throws -> [FuzzSeed] {
        let image = try EnclaveImageFormat(
            kernel: [1, 2, 3], commandLine: "console=ttyS0", ramdisks: [[4], [5, 6]], metadata: Array("{}".utf8))
        return [
            FuzzSeed(.enclaveImage, "two-ramdisks", image.encoded()), FuzzSeed(.firmware, "snp", snpFirmware),
            FuzzSeed(.firmware, "tdx", tdxFirmware), FuzzSeed(.kernel, "efi", kernel),
        ]
    }

    private static func number(_ value: Int, _ count: Int = 4) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// A page that ends in a table of OVMF.
    ///
    /// - Parameters:
    ///   - metadata: They stand in front of the table.
    ///   - entries: By identifier, in hexadecimal as firmware stores it; `nil` is the distance of the metadata from the end.
    private static func firmware(_ metadata: [UInt8], _ entries: [(identifier: String, value: Int?)]) -> [UInt8] {
        let behind = 32 + 18 + 22 * entries.count
        var table: [UInt8] = []
        for entry in entries {
            table += number(entry.value ?? behind + metadata.count) + number(22, 2)
            table += [UInt8](hex: entry.identifier) ?? []
        }
        table += number(table.count + 18, 2) + ([UInt8](hex: "de82b596b21ff745baeaa366c55a082d") ?? [])
        let end = metadata + table + [UInt8](repeating: 0x90, count: 32)
        return [UInt8](repeating: 0, count: 4096 - end.count) + end
    }

    /// Memory, secrets, CPUID and hashes.
    private static var snpFirmware: [UInt8] {
        let sections: [[Int]] = [
            [0x80_0000, 0x2000, 1], [0x80_3000, 0x1000, 2], [0x80_4000, 0x1000, 3], [0x80_5000, 0x1000, 16],
        ]
        var metadata = Array("ASEV".utf8) + number(16 + 12 * sections.count) + number(1) + number(sections.count)
        for value in sections.joined() { metadata += number(value) }
        return firmware(
            metadata,
            [
                ("666588dc4a989847a75e5585a7bf67cc", nil), ("1f3755723b3a044b927b1da6efa8d454", 0x80_5C00),
                ("de71f7007e1acb4f890e68c77e2fb44e", 0x80_B004),
            ])
    }

    /// The page itself, measured, and memory that is not.
    private static var tdxFirmware: [UInt8] {
        // Place and length in the file, address, length, kind, attributes.
        let sections: [[Int]] = [[0, 0x1000, 0xFFFF_F000, 0x1000, 0, 1], [0, 0, 0x80_0000, 0x2000, 3, 0]]
        var metadata = Array("TDVF".utf8) + number(16 + 32 * sections.count) + number(1) + number(sections.count)
        for section in sections {
            for (value, count) in zip(section, [4, 4, 8, 8, 4, 4]) { metadata += number(value, count) }
        }
        return firmware(metadata, [("35657ae44a989847865e4685a7bf8ec2", nil)])
    }

    /// The headers of an EFI application without sections, and those of a kernel.
    private static var kernel: [UInt8] {
        var file = [UInt8](repeating: 0, count: 0x300)
        func put(_ bytes: [UInt8], at offset: Int) {
            file.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        }
        put(Array("MZ".utf8), at: 0)
        put(number(0x40), at: 0x3C)
        put(Array("PE".utf8), at: 0x40)
        put(number(0x20B, 2), at: 0x40 + 24)
        put(number(6), at: 0x40 + 24 + 108)
        put(Array("HdrS".utf8) + number(0x20F, 2), at: 0x202)
        put(number(0x80, 2), at: 0x20E)
        put(Array("6.12.0 (a@b) #1".utf8), at: 0x280)
        return file
    }
}
