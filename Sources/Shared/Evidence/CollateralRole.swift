// SPDX-License-Identifier: Apache-2.0
/// The role of a collateral file: a statement or certificate of a vendor, needed to verify evidence (RATS:
/// Endorsements). The raw values are the keys of an evidence document's `collateral` and the names of files.
public enum CollateralRole: String, Sendable, Hashable, Codable, CaseIterable {
    // Intel.
    case tcbInfo = "tcb_info"
    case tcbInfoIssuerChain = "tcb_info_issuer_chain"
    case qeIdentity = "qe_identity"
    case qeIdentityIssuerChain = "qe_identity_issuer_chain"
    case pckCRL = "pck_crl"
    case rootCACRL = "root_ca_crl"
    case pckCertificateChain = "pck_cert_chain"
    /// TDX: the event log of firmware and boot loader (CCEL). It is not signed.
    case eventLog = "event_log"

    // AMD.
    case vcek, vlek
    /// ASK or ASVK. If it is missing, the compiled-in ones are tried.
    case intermediate
    case crl
    /// The certificate table that the host gave to the guest.
    case certificateTable = "auxblob"

    /// File names for the role: the role's name, or the name that AMD's service uses, with the extension of one of the
    /// supported encodings.
    public var fileNames: [String] {
        let endings: [String] =
            switch self {
            case .tcbInfo, .qeIdentity: [".json"]
            case .tcbInfoIssuerChain, .qeIdentityIssuerChain, .pckCertificateChain: [".pem", ".txt"]
            case .pckCRL, .rootCACRL, .crl: [".der", ".pem", ".crl", ".hex", ".txt"]
            case .vcek, .vlek, .intermediate: [".der", ".pem", ".crt", ".cer", ".json"]
            case .certificateTable, .eventLog: [".bin"]
            }
        let names = self == .intermediate ? [rawValue, "cert_chain"] : [rawValue]
        return names.flatMap { name in (endings + [""]).map { name + $0 } }
    }
}
