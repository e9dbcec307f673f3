// SPDX-License-Identifier: Apache-2.0
package import Evidence
package import Sandbox

/// The sandbox of an enclave's process.
package enum EnclaveSandbox {
    /// Its permissions once it has its evidence source and its connection with the host.
    ///
    /// - Returns: `nil` under Gramine, which answers system calls itself: its manifest says which files there are.
    package static func sandbox(for kind: TEEKind) -> Sandbox? {
        switch kind {
        case .sgx: return nil
        case .development: return Sandbox(paths: [], calls: .enclave)
        case .tdx, .snp:
            return Sandbox(
                paths: [SandboxPath(ReportEntry.root, [.read, .write, .change])], calls: .enclaveWithFiles)
        case .nitro:
            return Sandbox(
                paths: [SandboxPath(NitroDevice.standardPath, [.read, .write, .command])], calls: .enclaveWithFiles)
        case .azureSNP, .azureTDX:
            return Sandbox(paths: [SandboxPath(TPMDevice.standardPath, [.read, .write])], calls: .enclaveWithFiles)
        }
    }
}
