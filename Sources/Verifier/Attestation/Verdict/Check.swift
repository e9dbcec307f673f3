// SPDX-License-Identifier: Apache-2.0
/// The checks of evidence, in the order in which they are made; each TEE has some of them. A verdict may list
/// `ask-revocation`, `nonce` and `report-data` twice, the second time for the policy. The raw values are stable names:
/// programs and the documentation use them.
public enum Check: String, Sendable, Hashable, CaseIterable {
    case developmentAccepted = "development-accepted"
    case evidenceFormat = "evidence-format"
    case teeKind = "tee-kind"

    // The development TEE.
    case developmentKey = "development-key"
    case developmentSignature = "development-signature"

    // Intel SGX and TDX.
    case pckCertificates = "pck-certificates"
    case pckRoot = "pck-root"
    case pckChain = "pck-chain"
    case pckValidity = "pck-validity"
    case qeReportSignature = "qe-report-signature"
    case attestationKeyBinding = "attestation-key-binding"
    case quoteSignature = "quote-signature"
    case collateralPresent = "collateral-present"
    case rootCRL = "root-crl"
    case rootCRLValidity = "root-crl-validity"
    case pckAuthorityRevocation = "pck-ca-revocation"
    case pckCRL = "pck-crl"
    case pckCRLValidity = "pck-crl-validity"
    case pckRevocation = "pck-revocation"
    case tcbInfoFormat = "tcb-info-format"
    case tcbInfoSigner = "tcb-info-signer"
    case tcbInfoSignature = "tcb-info-signature"
    case tcbInfoValidity = "tcb-info-validity"
    case tcbInfoMatch = "tcb-info-match"
    case qeIdentityFormat = "qe-identity-format"
    case qeIdentitySigner = "qe-identity-signer"
    case qeIdentitySignature = "qe-identity-signature"
    case qeIdentityValidity = "qe-identity-validity"
    case qeIdentityMatch = "qe-identity-match"
    case tdxModule = "tdx-module"
    case tcbLevel = "tcb-level"
    case tcbNotRevoked = "tcb-not-revoked"
    case eventLog = "event-log"

    // AMD SEV-SNP.
    case vekCertificate = "vek-certificate"
    case vekChain = "vek-chain"
    case vekValidity = "vek-validity"
    case askRevocation = "ask-revocation"
    case signingKey = "signing-key"
    case vekTCB = "vek-tcb"
    case vekChipID = "vek-chip-id"
    case vekProduct = "vek-product"
    case reportSignature = "report-signature"

    // AWS Nitro.
    case documentRoot = "document-root"
    case documentChain = "document-chain"
    case documentValidity = "document-validity"
    case documentSignature = "document-signature"
    case documentTime = "document-time"

    // Azure, after the checks of the hardware.
    case runtimeData = "runtime-data"
    case hclReport = "hcl-report"
    case tpmQuoteSignature = "tpm-quote-signature"
    case tpmRegisters = "tpm-registers"

    // Every TEE with collateral.
    case collateralAge = "collateral-age"

    // The policy.
    case teeAllowed = "tee-allowed"
    case debug
    case policyReserved = "policy-reserved"
    case migration
    case vmpl
    case flags
    case mitigations
    case tcbStatus = "tcb-status"
    case advisories
    case evaluationDataNumber = "evaluation-data-number"
    case minimumTCB = "minimum-tcb"
    case productID = "product-id"
    case measurements
    case age

    // The data that the evidence binds.
    case nonce
    case ownerKey = "owner-key"
    case manifestSignature = "manifest-signature"
    case manifestDigest = "manifest-digest"
    case manifestTwin = "manifest-twin"
    case reportData = "report-data"

    // The facts that the enclave states.
    case enclaveParts = "enclave-parts"
    case enclaveService = "enclave-service"
    case everythingInside = "everything-inside"
    case boundary
    case noise
    case inputs
    case lease
    case assessment
}
