// SPDX-License-Identifier: Apache-2.0
/// The kernel options that an image needs.
package struct KernelRequirements: Sendable {
    /// Options that have to be built in.
    package let builtIn: [String]
    /// Options that may be modules, which the image then contains, with the module's name.
    package let drivers: [(option: String, module: String)]

    package init(_ recipe: ImageRecipe) {
        let common = [
            "BLK_DEV_INITRD", "BINFMT_ELF", "PROC_FS", "SYSFS", "DEVTMPFS", "TMPFS", "FUTEX", "EPOLL", "SHMEM", "UNIX",
            "SERIAL_8250_CONSOLE",
        ]
        let channel: [(String, String)] =
            recipe.transport == .serial
            ? [("VIRTIO_CONSOLE", "virtio_console")] : [("VIRTIO_VSOCKETS", "vmw_vsock_virtio_transport")]
        // The file system in which reports are requested; the report drivers' own dependencies are added with them.
        let reports = [("CONFIGFS_FS", "configfs")]
        switch recipe.kind {
        case .nitro:
            builtIn = common + ["VIRTIO_MMIO", "VIRTIO_MMIO_CMDLINE_DEVICES"]
            drivers = channel + [("NSM", "nsm")]
        case .snp:
            builtIn = common + ["AMD_MEM_ENCRYPT", "EFI"]
            drivers = [("VIRTIO_PCI", "virtio_pci")] + channel + reports + [("SEV_GUEST", "sev-guest")]
        case .tdx:
            builtIn = common + ["INTEL_TDX_GUEST", "EFI", "EFI_STUB"]
            drivers = [("VIRTIO_PCI", "virtio_pci")] + channel + reports + [("TDX_GUEST_DRIVER", "tdx-guest")]
        case .sgx: (builtIn, drivers) = ([], [])
        }
    }
}
