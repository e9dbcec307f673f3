// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport

/// The inputs of an image, for tests that run no kernel: valid headers, and firmware of the shared vectors.
struct ImageInputs {
    let kernel: String
    let folder: TemporaryFolder

    /// - Parameter options: Lines of the kernel's configuration; `nil` leaves it out.
    init(in folder: TemporaryFolder, options: [String]? = Self.everything) throws {
        self.folder = folder
        var file = [UInt8](repeating: 0x90, count: 0x1000)
        func put(_ bytes: [UInt8], at offset: Int) {
            file.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        }
        put(Array("MZ".utf8), at: 0)
        put([0x40, 0, 0, 0], at: 0x3C)
        put(Array("PE".utf8) + [0, 0], at: 0x40)
        put([0x0B, 0x02], at: 0x40 + 24)
        put([0, 0, 0, 0], at: 0x40 + 24 + 108)
        put(Array("HdrS".utf8) + [0x0F, 0x02], at: 0x202)
        put([0x80, 0x00], at: 0x20E)
        put(Array("6.12.0-infenclave-test (a@b) #1 SMP".utf8) + [0], at: 0x280)
        kernel = try folder.write(file, to: "bzImage")
        if let options {
            let text = options.map { "CONFIG_\($0)=y\n" }.joined() + "# CONFIG_MODULES is not set\n"
            try folder.write(text, to: "config-6.12.0-infenclave-test")
        }
    }

    static let everything = [
        "BLK_DEV_INITRD", "BINFMT_ELF", "PROC_FS", "SYSFS", "DEVTMPFS", "TMPFS", "FUTEX", "EPOLL", "SHMEM", "UNIX",
        "SERIAL_8250_CONSOLE", "VIRTIO_MMIO", "VIRTIO_MMIO_CMDLINE_DEVICES", "VIRTIO_VSOCKETS", "VIRTIO_CONSOLE",
        "NSM", "AMD_MEM_ENCRYPT", "EFI", "EFI_STUB", "INTEL_TDX_GUEST", "VIRTIO_PCI", "CONFIGFS_FS", "SEV_GUEST",
        "TDX_GUEST_DRIVER",
    ]

    static let snpFirmware = SharedFiles.path("vectors/images/ovmf_AmdSev_suffix.bin")
    static let tdxFirmware = SharedFiles.path("vectors/images/tdvf-synthetic.fd")
    static var hasFirmware: Bool { SharedFiles.exists("vectors/images/tdvf-synthetic.fd") }

    func arguments(_ kind: String, _ out: String) -> [String] {
        let firmware = ["snp": Self.snpFirmware, "tdx": Self.tdxFirmware][kind]
        return ["image", "--kind", kind, "--kernel", kernel, "--out", folder.file(out)]
            + (firmware.map { ["--firmware", $0] } ?? [])
    }
}
