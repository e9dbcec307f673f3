// SPDX-License-Identifier: Apache-2.0
/// The OVMF driver that extends RTMR1 and RTMR2. Firmware without it starts the kernel as well, but leaves both
/// registers zero.
///
/// - Source: edk2, OvmfPkg/Tcg/TdTcg2Dxe; since edk2-stable202302 part of OvmfPkgX64.
package enum MeasuringDriver {
    private static let identifier = FirmwareIdentifier("f062221e-c607-44c2-b0b4-c3886331d351")

    /// Whether these bytes of a firmware, stored or decompressed, contain the driver.
    package static func isIn(_ bytes: [UInt8]) -> Bool { bytes.firstRange(of: identifier.bytes) != nil }

    package static var absence: ImageError {
        ImageError(
            .wrongFile, "the firmware has no TdTcg2Dxe: it would start any kernel and leave RTMR1 and RTMR2 zero",
            remedy: "give OVMF.fd of edk2-stable202302 or later, such as of Debian 13's package ovmf")
    }
}
