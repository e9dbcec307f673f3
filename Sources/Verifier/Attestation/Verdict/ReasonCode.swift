// SPDX-License-Identifier: Apache-2.0
/// Why a check failed. The names are stable, so that programs may rely on them. All but the last five groups are those
/// of the shared attestation vectors.
public enum ReasonCode: String, Sendable, Hashable, CaseIterable {
    // The format of the evidence.
    case malformed
    case unsupportedFormat = "unsupported_format"
    case unsupportedCertificationData = "unsupported_cert_data"
    case wrongTEE = "wrong_tee"

    // Signatures of the evidence itself.
    case quoteSignatureInvalid = "quote_signature_invalid"
    case qeReportSignatureInvalid = "qe_report_signature_invalid"
    case attestationKeyBindingInvalid = "ak_binding_invalid"
    case reportSignatureInvalid = "report_signature_invalid"
    case documentSignatureInvalid = "document_signature_invalid"

    // Chains of certificates.
    case pckChainInvalid = "pck_chain_invalid"
    case untrustedRoot = "untrusted_root"
    case vekChainInvalid = "vek_chain_invalid"
    case certificateChainInvalid = "cert_chain_invalid"
    case certificateMalformed = "cert_malformed"
    case authorityRevoked = "ca_revoked"
    case pckRevoked = "pck_revoked"
    case productMismatch = "product_mismatch"

    // Times.
    case certificateExpired = "cert_expired"
    case certificateNotYetValid = "cert_not_yet_valid"
    case crlExpired = "crl_expired"
    case crlNotYetValid = "crl_not_yet_valid"
    case tcbInfoExpired = "tcb_info_expired"
    case tcbInfoNotYetValid = "tcb_info_not_yet_valid"
    case qeIdentityExpired = "qe_identity_expired"
    case qeIdentityNotYetValid = "qe_identity_not_yet_valid"

    // Collateral.
    case collateralMissing = "collateral_missing"
    case crlInvalid = "crl_invalid"
    case tcbInfoSignatureInvalid = "tcb_info_signature_invalid"
    case qeIdentitySignatureInvalid = "qe_identity_signature_invalid"
    case tcbInfoMismatch = "tcb_info_mismatch"
    case qeIdentityMismatch = "qe_identity_mismatch"
    case tdxModuleMismatch = "tdx_module_mismatch"

    // The state of the platform.
    case tcbNotSupported = "tcb_not_supported"
    case tcbRevoked = "tcb_revoked"
    case tcbStatusNotAllowed = "tcb_status_not_allowed"
    case vekTCBMismatch = "vek_tcb_mismatch"
    case vekChipIDMismatch = "vek_chip_id_mismatch"
    case signingKeyMismatch = "signing_key_mismatch"

    // The caller's policy.
    case debugEnabled = "debug_enabled"
    case migrationEnabled = "migrate_ma_enabled"
    case vmplNotAllowed = "vmpl_not_allowed"
    case policyReserved = "policy_reserved"
    case tooOld = "too_old"

    // The caller's policy, beyond the vectors.
    case developmentNotAccepted = "development_not_accepted"
    case measurementMismatch = "measurement_mismatch"
    case measurementNotPinned = "measurement_not_pinned"
    case policyIncomplete = "policy_incomplete"
    case flagMismatch = "flag_mismatch"
    case mitigationMissing = "mitigation_missing"
    case advisoryNotAllowed = "advisory_not_allowed"
    case evaluationTooLow = "evaluation_data_number_too_low"
    case collateralRolledBack = "collateral_rolled_back"
    case revocationNotChecked = "revocation_not_checked"

    // Azure's paravisor and its TPM.
    case runtimeDataMismatch = "runtime_data_mismatch"
    case hclReportMismatch = "hcl_report_mismatch"
    case tpmQuoteSignatureInvalid = "tpm_quote_signature_invalid"
    case tpmRegistersMismatch = "tpm_registers_mismatch"

    // A log of events.
    case eventLogMismatch = "event_log_mismatch"

    // The data that the evidence binds.
    case nonceMismatch = "nonce_mismatch"
    case ownerKeyMismatch = "owner_key_mismatch"
    case manifestMismatch = "manifest_mismatch"
    case manifestSignatureInvalid = "manifest_signature_invalid"
    case reportDataMismatch = "report_data_mismatch"

    // The facts that the enclave states.
    case partsMismatch = "parts_mismatch"
    case serviceMismatch = "service_mismatch"
    case notEverythingInside = "not_everything_inside"
    case boundaryTooLarge = "boundary_too_large"
    case noiseOutOfBounds = "noise_out_of_bounds"
    case floatsAccepted = "floats_accepted"
    case leaseTooLong = "lease_too_long"
    case assessmentMismatch = "assessment_mismatch"

    /// The remedy, for people.
    public var remedy: String {
        switch self {
        case .malformed: "get the evidence and collateral again, byte for byte"
        case .unsupportedFormat: "use a version of infenclave that reads this format"
        case .unsupportedCertificationData: "give the PCK certificate chain as collateral 'pck_cert_chain'"
        case .wrongTEE: "ask the owner which TEE the service runs in, and name that one"
        case .quoteSignatureInvalid, .qeReportSignatureInvalid, .attestationKeyBindingInvalid,
            .reportSignatureInvalid, .documentSignatureInvalid, .runtimeDataMismatch, .hclReportMismatch,
            .tpmQuoteSignatureInvalid, .tpmRegistersMismatch:
            "do not trust the server: the evidence was altered or made up"
        case .pckChainInvalid, .vekChainInvalid, .certificateChainInvalid, .certificateMalformed:
            "get the certificates again from the vendor; if they are the same, do not trust the server"
        case .untrustedRoot: "do not trust the server: the chain does not end at the vendor's root"
        case .authorityRevoked, .pckRevoked: "do not trust the machine: the vendor revoked its certificate"
        case .productMismatch: "get the certificates of this processor's generation from the vendor"
        case .certificateExpired: "get a newer certificate, or set the clock right"
        case .certificateNotYetValid: "set the clock right, or verify at a later time"
        case .crlExpired, .tcbInfoExpired, .qeIdentityExpired: "get newer collateral, or set the clock right"
        case .crlNotYetValid, .tcbInfoNotYetValid, .qeIdentityNotYetValid:
            "set the clock right, or use collateral of that time"
        case .collateralMissing: "get the missing files from the vendor or a cache and give them as collateral"
        case .crlInvalid, .tcbInfoSignatureInvalid, .qeIdentitySignatureInvalid:
            "get the collateral again from the vendor, byte for byte"
        case .tcbInfoMismatch, .qeIdentityMismatch: "get the collateral for this platform and kind of TEE"
        case .tdxModuleMismatch: "do not trust the machine: its TDX module is not one that Intel lists"
        case .tcbNotSupported, .tcbRevoked: "use a machine with current firmware"
        case .tcbStatusNotAllowed: "update the machine's firmware, or accept the status in the policy"
        case .vekTCBMismatch, .vekChipIDMismatch: "get the certificate for this chip and its reported TCB"
        case .signingKeyMismatch:
            "check that this is the intended server; if it is, get a new policy from the owner, or for SNP the certificate "
                + "of the kind of key that signed the report"
        case .debugEnabled: "use an enclave without debug mode: with it the host reads its memory"
        case .migrationEnabled: "start the guest without migration, or allow it in the policy"
        case .vmplNotAllowed: "ask for the report at a lower VMPL, or allow this one in the policy"
        case .policyReserved: "do not trust the report: no firmware sets its policy so"
        case .tooOld: "ask for new evidence"
        case .developmentNotAccepted:
            "use hardware; only for trials name 'development' in the policy and accept it by name in the call"
        case .measurementMismatch: "compare the enclave's release with the policy; do not send data to other code"
        case .measurementNotPinned: "name the measurement in the policy, or say in its 'skip' why not"
        case .policyIncomplete: "name a value in the policy, or say in its 'skip' why not"
        case .flagMismatch: "configure the machine as the policy wants it, or change the policy's 'flags'"
        case .mitigationMissing: "update the machine's firmware, or change the policy's 'mitigations'"
        case .advisoryNotAllowed: "update the machine, or accept the advisory in the policy"
        case .evaluationTooLow: "get collateral of a later TCB evaluation"
        case .collateralRolledBack: "get current collateral; older than what was seen before may hide a revocation"
        case .revocationNotChecked: "give the vendor's revocation list, or say in 'skip' of the policy why not"
        case .eventLogMismatch: "get the log of this boot of this machine, or pin the registers without one"
        case .nonceMismatch: "ask the server again; this evidence was made for another session"
        case .ownerKeyMismatch: "take the policy from the model's owner; the bundle is of somebody else"
        case .manifestMismatch: "take the policy of this bundle; the server has another model or version"
        case .manifestSignatureInvalid: "do not trust the server: the owner did not sign this manifest"
        case .reportDataMismatch:
            "do not trust the server: keys, facts, manifest or epoch are not those of the enclave"
        case .partsMismatch: "do not trust the server: the enclave holds other parts than the owner signed"
        case .serviceMismatch: "do not trust the server: the parts do something else than the owner signed"
        case .notEverythingInside: "send nothing: the host sees an intermediate representation of each picture"
        case .boundaryTooLarge: "ask the owner for a later cut, or allow more bytes in 'maximumBoundaryBytes'"
        case .noiseOutOfBounds: "ask the owner for other noise, or change 'minimumSigma' or 'maximumSigma'"
        case .floatsAccepted: "ask the owner for a bundle that was made without --allow-f32"
        case .leaseTooLong: "ask the owner for a shorter lease, or allow more in 'maximumLeaseSeconds'"
        case .assessmentMismatch: "ask the owner for an assessment, or name the one that you accept in 'assessment'"
        }
    }
}
