// SPDX-License-Identifier: Apache-2.0
import EnclaveImage
import Foundation

/// Checks that firmware for a trust domain measures what it starts, as far as can be determined.
enum TDXFirmware {
    /// Warns if the firmware has no compressed volume, since the driver may be stored in an unsupported form.
    ///
    /// - Throws: ``ImageError`` (wrongFile) for firmware that can be read and lacks the driver.
    static func check(_ firmware: [UInt8]) throws {
        if MeasuringDriver.isIn(firmware) { return }
        let sections = CompressedSection.all(in: firmware)
        for section in sections where MeasuringDriver.isIn(try plain(section)) { return }
        guard sections.isEmpty else { throw MeasuringDriver.absence }
        printError(
            "warning: it is unknown whether the firmware has TdTcg2Dxe, as edk2-stable202302 and later do; without it "
                + "RTMR1 and RTMR2 are zero, and a policy of this image accepts no guest")
    }

    private static func plain(_ section: CompressedSection) throws -> [UInt8] {
        let file = FileManager.default.temporaryDirectory.appending(path: "infenclave-\(UUID().uuidString).lzma")
        try Data(section.stream).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let run = try ToolRun(named: "xz", ["-dc", "--format=lzma", file.path])
        guard run.succeeded else {
            throw CommandFailure(
                "image", "a compressed volume of the firmware cannot be unpacked",
                remedy: "install Debian's package xz-utils, and give a firmware file that is whole")
        }
        return [UInt8](run.output)
    }
}
