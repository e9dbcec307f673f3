// SPDX-License-Identifier: Apache-2.0
package import Evidence

/// The measurements that together identify all code of an enclave, by the names of ``Claims/Measurement``. A policy for
/// a service has to pin them.
package enum CodeIdentity {
    /// Registers that are zero where nothing was loaded: the command lines of GRUB and of systemd's stub.
    private static let mayBeZero: Set<String> = ["pcr8", "pcr12"]

    /// The minimum that a policy has to pin.
    package static func names(of tee: TEEKind) -> Set<String> {
        switch tee {
        case .development: ["development"]
        case .sgx: ["mrenclave"]
        // MRTD is the firmware alone; kernel and initial disk are in these registers.
        case .tdx: ["mrtd", "rtmr1", "rtmr2"]
        case .snp: ["measurement"]
        case .nitro: ["pcr0"]
        // The hardware measures Azure's paravisor; what the guest booted is in its TPM.
        case .azureSNP: bootRegisters.union(["measurement"])
        case .azureTDX: bootRegisters.union(["mrtd"])
        }
    }

    /// Drivers of UEFI, the boot application, Secure Boot's keys, GRUB's command line, what boot loader and the kernel's
    /// stub load, and the command line of systemd's stub. Code can run that is measured into one of them alone.
    ///
    /// - Source: TCG PC Client Platform Firmware Profile, section 3.3.4; UAPI Group, Linux TPM PCR Registry.
    private static let bootRegisters: Set<String> = ["pcr2", "pcr4", "pcr7", "pcr8", "pcr9", "pcr12"]

    /// Whether a pinned value means that the code was not measured: a register that is never extended is zero, whatever
    /// runs. On Nitro, zeros mean debug mode, which has a separate check.
    package static func isUnmeasured(_ name: String, _ value: some Collection<UInt8>, of tee: TEEKind) -> Bool {
        tee != .nitro && !mayBeZero.contains(name) && value.allSatisfy { $0 == 0 }
    }
}
