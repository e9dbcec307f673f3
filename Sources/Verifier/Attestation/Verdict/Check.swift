/// The checks of evidence, in the order in which they are made. The raw values are stable names: programs and the
/// documentation use them.
public enum Check: String, Sendable, Hashable, CaseIterable {
    // Before the evidence is read.
    case teeKind = "tee-kind"
    case evidenceFormat = "evidence-format"

    // The development TEE.
    case developmentAccepted = "development-accepted"
    case developmentKey = "development-key"
    case developmentSignature = "development-signature"

    // The policy.
    case measurements

    // What the evidence is bound to.
    case nonce
    case ownerKey = "owner-key"
    case manifestSignature = "manifest-signature"
    case manifestDigest = "manifest-digest"
    case reportData = "report-data"

    /// What has to hold.
    public var summary: String {
        switch self {
        case .teeKind: "the evidence is of a TEE that the caller and the policy accept"
        case .evidenceFormat: "the evidence has the exact layout of its format and version"
        case .developmentAccepted: "the policy and the call both accept the development TEE by name"
        case .developmentKey: "the signing key is the development key that the policy pins"
        case .developmentSignature: "the development key signed measurement and report data"
        case .measurements: "every measurement that the policy names has one of the values that it lists"
        case .nonce: "the evidence is for the nonce of this session"
        case .ownerKey: "the manifest names the owner's key that the policy pins"
        case .manifestSignature: "the owner signed the manifest"
        case .manifestDigest: "the manifest is the one that the policy pins"
        case .reportData: "the report data binds nonce, key configuration, manifest, owner and epoch"
        }
    }

    /// The codes with which the check can fail.
    public var codes: [ReasonCode] {
        switch self {
        case .teeKind: [.wrongTEE, .developmentNotAccepted]
        case .evidenceFormat: [.malformed, .unsupportedFormat]
        case .developmentAccepted: [.developmentNotAccepted]
        case .developmentKey: [.signingKeyMismatch]
        case .developmentSignature: [.reportSignatureInvalid]
        case .measurements: [.measurementMismatch, .measurementNotPinned]
        case .nonce: [.nonceMismatch]
        case .ownerKey: [.ownerKeyMismatch, .malformed]
        case .manifestSignature: [.manifestSignatureInvalid]
        case .manifestDigest: [.manifestMismatch]
        case .reportData: [.reportDataMismatch]
        }
    }
}
