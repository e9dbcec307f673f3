/// Why a check failed, in words that programs may rely on. The first groups are those of the shared attestation
/// vectors; the last is about what the evidence is bound to.
public enum ReasonCode: String, Sendable, Hashable, CaseIterable {
    // The format of the evidence.
    case malformed
    case unsupportedFormat = "unsupported_format"
    case wrongTEE = "wrong_tee"

    // Signatures of the evidence itself.
    case reportSignatureInvalid = "report_signature_invalid"

    // The caller's policy.
    case developmentNotAccepted = "development_not_accepted"
    case signingKeyMismatch = "signing_key_mismatch"
    case measurementMismatch = "measurement_mismatch"
    case measurementNotPinned = "measurement_not_pinned"

    // What the evidence is bound to.
    case nonceMismatch = "nonce_mismatch"
    case ownerKeyMismatch = "owner_key_mismatch"
    case manifestMismatch = "manifest_mismatch"
    case manifestSignatureInvalid = "manifest_signature_invalid"
    case reportDataMismatch = "report_data_mismatch"

    /// What a person can do about it.
    public var remedy: String {
        switch self {
        case .malformed: "get the evidence again, and save it byte for byte"
        case .unsupportedFormat: "use a version of infenclave that reads this format"
        case .wrongTEE: "ask the owner which TEE the service runs in, or name it in 'tee' of the policy"
        case .reportSignatureInvalid: "do not trust the server: the evidence was altered or made up"
        case .developmentNotAccepted:
            "use hardware; only for trials name 'development' in the policy and accept it by name in the call"
        case .signingKeyMismatch: "take the policy from the owner again; another machine or key signed this evidence"
        case .measurementMismatch: "compare the enclave's release with the policy; do not send data to other code"
        case .measurementNotPinned: "name the measurement in 'measurements' of the policy, or say in 'skip' why not"
        case .nonceMismatch: "ask the server again; this evidence was made for another session"
        case .ownerKeyMismatch: "take the policy from the model's owner; the bundle is of somebody else"
        case .manifestMismatch: "take the policy of this bundle; the server has another model or version"
        case .manifestSignatureInvalid: "do not trust the server: the owner did not sign this manifest"
        case .reportDataMismatch: "do not trust the server: keys, manifest or epoch are not those of the enclave"
        }
    }
}
