/// What a file of collateral is: a statement or certificate of a vendor, needed to verify evidence. The raw values are
/// the keys of an evidence document's `collateral` and the names of files.
public enum CollateralRole: String, Sendable, Hashable, Codable, CaseIterable {
    // Intel.
    case tcbInfo = "tcb_info"
    case tcbInfoIssuerChain = "tcb_info_issuer_chain"
    case qeIdentity = "qe_identity"
    case qeIdentityIssuerChain = "qe_identity_issuer_chain"
    case pckCRL = "pck_crl"
    case rootCACRL = "root_ca_crl"
    case pckCertificateChain = "pck_cert_chain"

    // AMD.
    case vcek, vlek
    /// ASK or ASVK; where it is missing, those that are compiled in are tried.
    case intermediate
    case crl
    /// The certificate table that the host gave to the guest.
    case certificateTable = "auxblob"

    /// How the role's file may end.
    public var fileExtensions: [String] {
        switch self {
        case .tcbInfo, .qeIdentity: ["json"]
        case .tcbInfoIssuerChain, .qeIdentityIssuerChain, .pckCertificateChain: ["pem"]
        case .pckCRL, .rootCACRL, .crl: ["der"]
        case .vcek, .vlek, .intermediate: ["der", "pem"]
        case .certificateTable: ["bin"]
        }
    }
}
