// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Evidence

// Faults in quotes, reports, documents, certificates and collateral.

extension SingleFaultTests {
    private static let stranger = IntelFixture.keys.stranger

    /// A root of the same name and another key.
    private static func otherRoot(_ root: TestCertificate, _ key: TestKey) -> TestCertificate {
        TestCertificate(root.subject, key)
    }

    static let quotes: [SingleFault] = [
        SingleFault(.teeKind, .wrongTEE, "an SGX quote taken for a TDX quote") {
            try AppraisalInput(IntelFixture.sgx(), as: .tdx, policy: ["tee": #"["sgx","tdx"]"#])
        },
        SingleFault(.evidenceFormat, .unsupportedFormat, IntelFixture.sgx()) { $0.keyType = 3 },
        SingleFault(.evidenceFormat, .unsupportedFormat, IntelFixture.tdx()) { $0.version = 6 },
        SingleFault(.evidenceFormat, .unsupportedFormat, SNPFixture()) { $0.report.put([6], at: 0) },
        SingleFault(.evidenceFormat, .unsupportedFormat, NitroFixture()) { $0.digest = "SHA512" },
        SingleFault(.evidenceFormat, .malformed, SNPFixture()) { $0.report.put([1], at: 0x49F) },
        SingleFault(.pckCertificates, .unsupportedCertificationData, IntelFixture.sgx()) { $0.certificationKind = 3 },
        SingleFault(.pckCertificates, .pckChainInvalid, IntelFixture.sgx()) { $0.platform.isPresent = false },
        SingleFault(.pckRoot, .untrustedRoot, IntelFixture.tdx()) {
            $0.trusted = otherRoot($0.rootCertificate, stranger)
        },
        SingleFault(.pckChain, .pckChainInvalid, IntelFixture.sgx()) { $0.pckCertificate.issuerKey = stranger },
        SingleFault(.pckChain, .pckChainInvalid, IntelFixture.sgx()) { $0.authority.issuerKey = stranger },
        SingleFault(.pckChain, .pckChainInvalid, IntelFixture.sgx()) { $0.authority.isAuthority = false },
        SingleFault(.pckChain, .pckChainInvalid, IntelFixture.sgx()) { $0.rootCertificate.pathLength = 0 },
        SingleFault(.pckValidity, .certificateExpired, IntelFixture.sgx()) { $0.pckCertificate.period = .over },
        SingleFault(.pckValidity, .certificateNotYetValid, IntelFixture.tdx()) { $0.authority.period = .ahead },
        SingleFault(.qeReportSignature, .qeReportSignatureInvalid, IntelFixture.sgx()) {
            $0.qeReportSigner = stranger
        },
        SingleFault(.attestationKeyBinding, .attestationKeyBindingInvalid, IntelFixture.tdx()) {
            $0.binding = [UInt8](repeating: 0, count: 32)
        },
        SingleFault(.quoteSignature, .quoteSignatureInvalid, IntelFixture.sgx()) { $0.quoteSigner = stranger },
        SingleFault(.quoteSignature, .quoteSignatureInvalid, IntelFixture.tdx(version: 5, is15: true)) {
            $0.quoteSigner = stranger
        },
    ]

    static let intel: [SingleFault] =
        [
            SingleFault(.collateralPresent, .collateralMissing, IntelFixture.sgx()) { $0.missing = [.pckCRL] },
            SingleFault(.collateralPresent, .collateralMissing, IntelFixture.tdx()) { $0.missing = [.qeIdentity] },
            SingleFault(.rootCRL, .crlInvalid, IntelFixture.sgx()) { $0.rootList.key = stranger },
            SingleFault(.rootCRLValidity, .crlExpired, IntelFixture.sgx()) { $0.rootList.period = .over },
            SingleFault(.rootCRLValidity, .crlNotYetValid, IntelFixture.sgx()) { $0.rootList.period = .ahead },
            SingleFault(.pckAuthorityRevocation, .authorityRevoked, IntelFixture.sgx()) {
                $0.rootList.serials = [9, 2]
            },
            SingleFault(.pckCRL, .crlInvalid, IntelFixture.sgx()) { $0.pckList.key = stranger },
            SingleFault(.pckCRL, .crlInvalid, IntelFixture.sgx()) { $0.pckList.issuer = "Intel SGX PCK Processor CA" },
            SingleFault(.pckCRL, .crlInvalid, IntelFixture.sgx()) { $0.pckList.hasNumber = false },
            SingleFault(.pckCRLValidity, .crlExpired, IntelFixture.tdx()) { $0.pckList.period = .over },
            SingleFault(.pckCRLValidity, .crlNotYetValid, IntelFixture.tdx()) { $0.pckList.period = .ahead },
            SingleFault(.pckRevocation, .pckRevoked, IntelFixture.tdx()) { $0.pckList.serials = [0x1234] },
            SingleFault(.tcbInfoFormat, .malformed, IntelFixture.sgx()) { $0.tcbInfo.version = 4 },
            SingleFault(.tcbInfoSignature, .tcbInfoSignatureInvalid, IntelFixture.sgx()) {
                $0.tcbInfoSigner.key = stranger
            },
            SingleFault(.tcbInfoValidity, .tcbInfoExpired, IntelFixture.sgx()) { $0.tcbInfo.period = .over },
            SingleFault(.tcbInfoValidity, .tcbInfoNotYetValid, IntelFixture.sgx()) { $0.tcbInfo.period = .ahead },
            SingleFault(.tcbInfoMatch, .tcbInfoMismatch, IntelFixture.sgx()) { $0.tcbInfo.fmspc[0] = 1 },
            SingleFault(.tcbInfoMatch, .tcbInfoMismatch, IntelFixture.sgx()) { $0.platform.pceID = [1, 0] },
            SingleFault(.tcbInfoMatch, .tcbInfoMismatch, IntelFixture.sgx()) { $0.tcbInfo.id = "TDX" },
            SingleFault(.qeIdentityFormat, .malformed, IntelFixture.sgx()) { $0.qeIdentity.version = 3 },
            SingleFault(.qeIdentitySignature, .qeIdentitySignatureInvalid, IntelFixture.sgx()) {
                $0.qeIdentitySigner.key = stranger
            },
            SingleFault(.qeIdentityValidity, .qeIdentityExpired, IntelFixture.sgx()) { $0.qeIdentity.period = .over },
            SingleFault(.qeIdentityValidity, .qeIdentityNotYetValid, IntelFixture.sgx()) {
                $0.qeIdentity.period = .ahead
            },
            SingleFault(.qeIdentityMatch, .qeIdentityMismatch, IntelFixture.sgx()) { $0.qeIdentity.signer[31] = 0 },
            SingleFault(.qeIdentityMatch, .qeIdentityMismatch, IntelFixture.sgx()) { $0.qeIdentity.productID = 9 },
            SingleFault(.qeIdentityMatch, .qeIdentityMismatch, IntelFixture.sgx()) { $0.qeIdentity.id = "TD_QE" },
            SingleFault(.qeIdentityMatch, .qeIdentityMismatch, IntelFixture.sgx()) {
                $0.quotingEnclave.put([0x17], at: 48)
            },
            SingleFault(.qeIdentityMatch, .qeIdentityMismatch, IntelFixture.sgx()) {
                $0.quotingEnclave.put([1], at: 16)
            },
            SingleFault(.tdxModule, .tdxModuleMismatch, IntelFixture.tdx()) { $0.body.put([1], at: 64) },
            SingleFault(.tdxModule, .tdxModuleMismatch, IntelFixture.tdx()) { $0.body.put([1], at: 112) },
            SingleFault(.tdxModule, .tdxModuleMismatch, IntelFixture.tdx()) { $0.body.put([3], at: 1) },
            SingleFault(.tcbLevel, .tcbNotSupported, IntelFixture.sgx()) { $0.platform.components[15] = 3 },
            SingleFault(.tcbLevel, .tcbNotSupported, IntelFixture.sgx()) { $0.platform.pceSVN = 10 },
            SingleFault(.tcbLevel, .tcbNotSupported, IntelFixture.sgx()) { $0.quotingEnclave.put([5], at: 258) },
            SingleFault(.tcbLevel, .tcbNotSupported, IntelFixture.tdx()) { $0.body.put([1], at: 0) },
            SingleFault(.tcbNotRevoked, .tcbRevoked, IntelFixture.sgx()) { $0.tcbInfo.levels[0].status = "Revoked" },
            SingleFault(.tcbNotRevoked, .tcbRevoked, IntelFixture.sgx()) {
                $0.qeIdentity.levels[0].status = "Revoked"
            },
            SingleFault(.tcbNotRevoked, .tcbRevoked, IntelFixture.tdx()) {
                $0.tcbInfo.moduleLevels[0].status = "Revoked"
            },
        ] + signers(.tcbInfoSigner, \.tcbInfoSigner, serial: 3)
        + signers(.qeIdentitySigner, \.qeIdentitySigner, serial: 4)

    private static func signers(
        _ check: Check, _ path: any WritableKeyPath<IntelFixture, StatementSigner> & Sendable, serial: Int
    ) -> [SingleFault] {
        [
            SingleFault(check, .certificateMalformed, IntelFixture.sgx()) {
                $0[keyPath: path].certificate.subject = "Intel SGX Statements"
            },
            SingleFault(check, .certificateChainInvalid, IntelFixture.sgx()) {
                $0[keyPath: path].certificate.issuerKey = stranger
            },
            SingleFault(check, .untrustedRoot, IntelFixture.sgx()) {
                let root = otherRoot($0.rootCertificate, stranger)
                $0[keyPath: path].root = root
                $0[keyPath: path].certificate.issuerKey = stranger
            },
            SingleFault(check, .certificateExpired, IntelFixture.sgx()) {
                $0[keyPath: path].certificate.period = .over
            },
            SingleFault(check, .certificateNotYetValid, IntelFixture.sgx()) {
                $0[keyPath: path].certificate.period = .ahead
            },
            SingleFault(check, .authorityRevoked, IntelFixture.sgx()) { $0.rootList.serials = [serial] },
        ]
    }

    static let snp: [SingleFault] = [
        SingleFault(.vekCertificate, .collateralMissing, SNPFixture()) { $0.missing = [.vcek] },
        SingleFault(.vekCertificate, .certificateMalformed, SNPFixture()) { $0.product = "Rome-B0" },
        SingleFault(.vekChain, .vekChainInvalid, SNPFixture()) { $0.vcek.issuerKey = SNPFixture.keys.ark },
        SingleFault(.vekChain, .vekChainInvalid, SNPFixture()) { $0.ask.issuerKey = SNPFixture.keys.ask },
        SingleFault(.vekChain, .vekChainInvalid, SNPFixture()) { $0.trusted = otherRoot($0.ark, SNPFixture.keys.ask) },
        SingleFault(.vekChain, .certificateMalformed, SNPFixture()) { $0.replaced[.intermediate] = [0x30, 0] },
        SingleFault(.vekValidity, .certificateExpired, SNPFixture()) { $0.vcek.period = .over },
        SingleFault(.vekValidity, .certificateNotYetValid, SNPFixture()) { $0.ask.period = .ahead },
        SingleFault(.askRevocation, .crlInvalid, SNPFixture()) { $0.list?.key = SNPFixture.keys.ask },
        SingleFault(.askRevocation, .crlExpired, SNPFixture()) { $0.list?.period = .over },
        SingleFault(.askRevocation, .crlNotYetValid, SNPFixture()) { $0.list?.period = .ahead },
        SingleFault(.askRevocation, .authorityRevoked, SNPFixture()) { $0.list?.serials = [2] },
        SingleFault(.askRevocation, .revocationNotChecked, peer: SNPFixture().with { $0.list = nil }),
        SingleFault(.signingKey, .signingKeyMismatch, SNPFixture()) { $0.report.put([4], at: 0x48) },
        SingleFault(.vekTCB, .vekTCBMismatch, SNPFixture()) { $0.versions[8] = 218 },
        SingleFault(.vekTCB, .vekTCBMismatch, SNPFixture()) { $0.versions[1] = 3 },
        SingleFault(.vekChipID, .vekChipIDMismatch, SNPFixture()) { $0.chipID[63] = 0 },
        SingleFault(.vekProduct, .productMismatch, SNPFixture()) { $0.report.put([0x10], at: 0x189) },
        SingleFault(.vekProduct, .productMismatch, SNPFixture()) { $0.product = "Genoa" },
        SingleFault(.reportSignature, .reportSignatureInvalid, SNPFixture()) {
            $0.reportSigner = SNPFixture.keys.stranger
        },
    ]

    private static let hour = Timestamp(iso8601: "2026-06-01T01:00:00Z")!
    private static let day = Timestamp(iso8601: "2026-06-02")!

    static let nitro: [SingleFault] = [
        SingleFault(.documentRoot, .untrustedRoot, NitroFixture()) {
            $0.trusted = otherRoot($0.rootCertificate, NitroFixture.keys.stranger)
        },
        SingleFault(.documentChain, .certificateChainInvalid, NitroFixture()) {
            $0.leaf.issuerKey = NitroFixture.keys.stranger
        },
        SingleFault(.documentChain, .certificateChainInvalid, NitroFixture()) { $0.zone.isAuthority = false },
        SingleFault(.documentChain, .certificateMalformed, NitroFixture()) {
            $0.leaf.extensions = [DER.certificateExtension([2, 5, 29, 15], DER.bits([0x80], unused: 7))]
        },
        SingleFault(
            .documentValidity, .certificateExpired, NitroFixture(), policy: ["maximumAgeSeconds": "90000"], at: day
        ) { $0.leaf.period.end = hour },
        SingleFault(
            .documentValidity, .certificateNotYetValid, NitroFixture(), policy: ["maximumAgeSeconds": "90000"]
        ) {
            $0.leaf.period.start = hour
            $0.made = day
        },
        SingleFault(.documentSignature, .documentSignatureInvalid, NitroFixture()) {
            $0.documentSigner = NitroFixture.keys.stranger
        },
        SingleFault(
            .documentTime, .certificateNotYetValid, NitroFixture(), policy: ["maximumAgeSeconds": "90000"], at: day
        ) { $0.leaf.period.start = hour },
        SingleFault(
            .documentTime, .certificateExpired, NitroFixture(), policy: ["maximumAgeSeconds": "90000"]
        ) {
            $0.leaf.period.end = hour
            $0.made = day
        },
    ]
}
