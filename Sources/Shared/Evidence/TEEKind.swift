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
}
