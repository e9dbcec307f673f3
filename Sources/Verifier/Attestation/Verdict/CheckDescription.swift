// SPDX-License-Identifier: Apache-2.0
extension Check {
    /// The condition that has to hold.
    public var summary: String { description.summary }

    /// The codes with which the check can fail.
    public var codes: [ReasonCode] { description.codes }

    private var description: (summary: String, codes: [ReasonCode]) {
        switch self {
        case .teeKind: ("the evidence is of the TEE that the caller expects", [.wrongTEE])
        case .evidenceFormat:
            ("the evidence has the exact layout of its format and version", [.malformed, .unsupportedFormat])

        case .developmentAccepted:
            ("the policy and the call both accept the development TEE by name", [.developmentNotAccepted])
        case .developmentKey:
            ("the signing key is the development key that the policy pins", [.signingKeyMismatch])
        case .developmentSignature:
            ("the development key signed measurement and report data", [.reportSignatureInvalid])

        case .pckCertificates:
            (
                "the quote or the collateral has a PCK certificate with its CA and root, with Intel's extension",
                [.unsupportedCertificationData, .pckChainInvalid]
            )
        case .pckRoot: ("the root's key is the pinned key of the Intel SGX Root CA", [.untrustedRoot])
        case .pckChain: ("root, PCK CA and PCK certificate link by name, signature and authority", [.pckChainInvalid])
        case .pckValidity:
            ("the certificates are valid at the time", [.certificateExpired, .certificateNotYetValid])
        case .qeReportSignature: ("the PCK key signed the report of the quoting enclave", [.qeReportSignatureInvalid])
        case .attestationKeyBinding:
            ("the quoting enclave's report data is the digest of the attestation key", [.attestationKeyBindingInvalid])
        case .quoteSignature: ("the attestation key signed header and body of the quote", [.quoteSignatureInvalid])
        case .collateralPresent: ("TCB info, QE identity, both CRLs and the issuers are there", [.collateralMissing])
        case .rootCRL: ("the root signed the root CRL", [.crlInvalid])
        case .rootCRLValidity: ("the root CRL is valid at the time", [.crlExpired, .crlNotYetValid])
        case .pckAuthorityRevocation: ("the root CRL does not list the PCK CA", [.authorityRevoked])
        case .pckCRL: ("the CA of the PCK certificate signed the PCK CRL", [.crlInvalid])
        case .pckCRLValidity: ("the PCK CRL is valid at the time", [.crlExpired, .crlNotYetValid])
        case .pckRevocation: ("the PCK CRL does not list the PCK certificate", [.pckRevoked])
        case .tcbInfoFormat: ("the TCB info is JSON of a known version", [.malformed])
        case .tcbInfoSigner: ("the signer of the TCB info chains to the root and is valid", Self.signerCodes)
        case .tcbInfoSignature: ("the TCB signing key signed the TCB info", [.tcbInfoSignatureInvalid])
        case .tcbInfoValidity: ("the TCB info is valid at the time", [.tcbInfoExpired, .tcbInfoNotYetValid])
        case .tcbInfoMatch:
            ("kind, FMSPC and PCE id of the TCB info are those of quote and PCK certificate", [.tcbInfoMismatch])
        case .qeIdentityFormat: ("the QE identity is JSON of a known version", [.malformed])
        case .qeIdentitySigner: ("the signer of the QE identity chains to the root and is valid", Self.signerCodes)
        case .qeIdentitySignature: ("the TCB signing key signed the QE identity", [.qeIdentitySignatureInvalid])
        case .qeIdentityValidity:
            ("the QE identity is valid at the time", [.qeIdentityExpired, .qeIdentityNotYetValid])
        case .qeIdentityMatch: ("the quoting enclave is the one that Intel's identity describes", [.qeIdentityMismatch])
        case .tdxModule: ("the TDX module is one that the TCB info lists, signed by Intel", [.tdxModuleMismatch])
        case .tcbLevel: ("platform, quoting enclave and TDX module each reach a listed TCB level", [.tcbNotSupported])
        case .tcbNotRevoked: ("no part of the TCB is revoked", [.tcbRevoked])

        case .eventLog:
            ("the event log, if given, leads to the registers of the quote", [.eventLogMismatch, .malformed])

        case .vekCertificate:
            ("there is a VCEK or VLEK certificate with AMD's extensions", [.collateralMissing, .certificateMalformed])
        case .vekChain:
            (
                "the pinned ARK signed the ASK or ASVK, which signed the VCEK or VLEK",
                [.vekChainInvalid, .certificateMalformed]
            )
        case .vekValidity:
            ("the certificates are valid at the time", [.certificateExpired, .certificateNotYetValid])
        case .askRevocation:
            (
                "the ARK's CRL, if given, is valid and does not list the ASK or ASVK",
                [.crlInvalid, .crlExpired, .crlNotYetValid, .authorityRevoked, .revocationNotChecked]
            )
        case .signingKey: ("the certificate is of the kind of key that signed the report", [.signingKeyMismatch])
        case .vekTCB: ("the certificate is for the reported TCB, part by part", [.vekTCBMismatch])
        case .vekChipID: ("a VCEK is for the chip of the report", [.vekChipIDMismatch])
        case .vekProduct: ("certificate, chain and CPUID name one product", [.productMismatch])
        case .reportSignature: ("the VCEK or VLEK key signed the report", [.reportSignatureInvalid])

        case .documentRoot: ("the bundle starts with the pinned root of AWS", [.untrustedRoot])
        case .documentChain:
            (
                "root, bundle and leaf link by name, signature and authority",
                [.certificateChainInvalid, .certificateMalformed]
            )
        case .documentValidity:
            ("the certificates are valid at the time", [.certificateExpired, .certificateNotYetValid])
        case .documentSignature: ("the leaf's key signed the document", [.documentSignatureInvalid])
        case .documentTime:
            (
                "the certificates were valid when the document says that it was made",
                [.certificateExpired, .certificateNotYetValid]
            )

        case .runtimeData:
            (
                "the hardware's report data is the digest of the runtime data, which name the TPM's key",
                [.runtimeDataMismatch]
            )
        case .hclReport: ("the TDREPORT of the HCL report says what the quote says", [.hclReportMismatch])
        case .tpmQuoteSignature: ("the TPM's key signed the quote of its registers", [.tpmQuoteSignatureInvalid])
        case .tpmRegisters: ("the registers have the digest that the TPM signed", [.tpmRegistersMismatch])

        case .teeAllowed: ("the policy accepts this kind of TEE", [.wrongTEE, .developmentNotAccepted])
        case .collateralAge:
            (
                "no collateral is older than what was seen before, by date or evaluation number, or withheld after it was seen",
                [.collateralRolledBack]
            )
        case .debug: ("the TEE does not run in debug mode", [.debugEnabled])
        case .policyReserved: ("the guest policy's bit 17, which is always one, is one", [.policyReserved])
        case .migration: ("nobody may move the guest to another machine", [.migrationEnabled])
        case .vmpl: ("the report is of a privilege level that the policy accepts", [.vmplNotAllowed])
        case .flags:
            (
                "every flag of guest and platform that the policy names has the policy's value",
                [.flagMismatch, .policyIncomplete]
            )
        case .mitigations:
            ("every mitigation of the platform that the policy names is in place", [.mitigationMissing])
        case .tcbStatus: ("the TCB status is UpToDate or one that the policy lists", [.tcbStatusNotAllowed])
        case .advisories:
            ("every advisory that applies is one that the policy lists", [.advisoryNotAllowed, .policyIncomplete])
        case .evaluationDataNumber:
            ("the collateral's evaluation is at least the policy's", [.evaluationTooLow, .policyIncomplete])
        case .minimumTCB:
            (
                "every security version is at least the policy's, which has to name those without a vendor's status",
                [.tcbStatusNotAllowed, .policyIncomplete]
            )
        case .productID: ("the enclave's product id is the policy's", [.measurementMismatch, .policyIncomplete])
        case .measurements:
            (
                "every measurement that the policy names has one of the values that it lists",
                [.measurementMismatch, .measurementNotPinned]
            )
        case .age: ("the evidence is not older than the policy allows", [.tooOld, .policyIncomplete])

        case .nonce: ("the evidence is for the nonce of this session", [.nonceMismatch])
        case .ownerKey:
            ("the manifest core names the owner's key that the policy pins", [.ownerKeyMismatch, .malformed])
        case .manifestSignature: ("the owner signed the manifest core", [.manifestSignatureInvalid])
        case .manifestDigest: ("the manifest core is the one that the policy pins", [.manifestMismatch])
        case .manifestTwin: ("manifest.json has the digest that the manifest core lists", [.manifestMismatch])
        case .reportData:
            (
                "the report data is as expected: for a service, the digest of nonce, keys, facts, manifest, owner and epoch",
                [.reportDataMismatch]
            )

        case .enclaveParts:
            (
                "the enclave received exactly the sealed parts that the manifest core lists",
                [.partsMismatch, .malformed, .unsupportedFormat]
            )
        case .enclaveService:
            ("the service facts of a provisioned enclave are those of the manifest core", [.serviceMismatch])
        case .everythingInside:
            ("nothing crosses to the host, if the policy demands it", [.notEverythingInside, .policyIncomplete])
        case .boundary: ("no more bytes cross to the host than the policy allows", [.boundaryTooLarge])
        case .noise: ("the noise on what crosses is within the policy's bounds", [.noiseOutOfBounds])
        case .inputs: ("the enclave takes only pixels, if the policy demands it", [.floatsAccepted])
        case .lease: ("the owner's lease is not longer than the policy allows", [.leaseTooLong])
        case .assessment:
            ("the manifest records the assessment that the policy demands", [.assessmentMismatch, .malformed])
        }
    }

    private static let signerCodes: [ReasonCode] = [
        .certificateMalformed, .certificateChainInvalid, .untrustedRoot, .certificateExpired,
        .certificateNotYetValid, .authorityRevoked,
    ]
}
