// SPDX-License-Identifier: Apache-2.0
/// The kinds of trusted execution environment that evidence can come from. The raw values are used in evidence
/// documents, policies and on the command line.
public enum TEEKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// A separate process whose evidence is signed by a local key. It gives no protection from the machine's owner.
    case development
    /// Intel SGX enclaves with DCAP quotes.
    case sgx
    /// Intel TDX virtual machines.
    case tdx
    /// AMD SEV-SNP virtual machines.
    case snp
    /// AWS Nitro Enclaves.
    case nitro
    /// SEV-SNP virtual machines on Azure. Their guests have a TPM quote instead of report data of their own.
    case azureSNP = "az-snp"
    /// TDX virtual machines on Azure, with a TPM quote as well.
    case azureTDX = "az-tdx"

    /// The hardware: evidence of Azure's kinds contains reports of SNP or quotes of TDX, with a TPM quote bound to
    /// them.
    public var hardware: TEEKind {
        switch self {
        case .azureSNP: .snp
        case .azureTDX: .tdx
        case .development, .sgx, .tdx, .snp, .nitro: self
        }
    }

    /// Whether the guest runs on Azure, with a TPM quote in its evidence.
    public var isAzure: Bool { hardware != self }
}
