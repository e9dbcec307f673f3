// SPDX-License-Identifier: Apache-2.0
import Crypto

extension EnclaveImageFormat {
    /// PCR0 to PCR2, as the Nitro hypervisor measures the image. PCR0 covers kernel, command line and all ramdisks;
    /// PCR1 the same with only the first ramdisk; PCR2 the other ramdisks. The metadata is in none of them.
    package func measurement() -> LaunchMeasurement {
        let start = [("kernel", self[.kernel][0]), ("command line", self[.commandLine][0])]
        let ramdisks = self[.ramdisk].enumerated().map { ("ramdisk \($0.offset + 1)", $0.element) }
        var measurement = LaunchMeasurement()
        for (name, parts) in [
            ("pcr0", start + ramdisks), ("pcr1", start + ramdisks.prefix(1)), ("pcr2", Array(ramdisks.dropFirst())),
        ] {
            var content = SHA384()
            for part in parts { content.update(data: part.1) }
            let digest = Array(content.finalize())
            measurement.note(name, "the start", .zeros(48))
            measurement.note(
                name, parts.isEmpty ? "nothing" : parts.map(\.0).joined(separator: ", "),
                Array(SHA384.hash(data: [UInt8].zeros(48) + digest)))
        }
        return measurement
    }
}
