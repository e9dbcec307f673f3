/// The kinds of trusted execution environment that evidence can come from. The raw values are the words of evidence
/// documents, policies and the command line.
public enum TEEKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// A separate process whose evidence a local key signs. It protects against nothing that owns the machine.
    case development
    /// Intel SGX enclaves with DCAP quotes.
    case sgx
    /// Intel TDX virtual machines.
    case tdx
    /// AMD SEV-SNP virtual machines.
    case snp
    /// AWS Nitro Enclaves.
    case nitro
    /// SEV-SNP virtual machines of Azure, whose guests have a TPM's quote in the place of report data of their own.
    case azureSNP = "az-snp"
    /// TDX virtual machines of Azure, likewise.
    case azureTDX = "az-tdx"

    /// What the hardware is: Azure's kinds are reports of SNP and quotes of TDX with a TPM below them.
    public var hardware: TEEKind {
        switch self {
        case .azureSNP: .snp
        case .azureTDX: .tdx
        case .development, .sgx, .tdx, .snp, .nitro: self
        }
    }

    public var isAzure: Bool { hardware != self }
}
