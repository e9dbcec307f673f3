// SPDX-License-Identifier: Apache-2.0
import Attestation
import BundleFormat
import Evidence

enum EvidenceTargets {
    /// A client's policy.
    static func policy(_ bytes: UnsafeRawBufferPointer) throws { _ = try Policy(json: Array(bytes)) }

    /// What a server serves as its evidence, judged by a policy that it cannot meet.
    static func evidenceDocument(_ bytes: UnsafeRawBufferPointer) throws {
        let document = try EvidenceDocument(json: Array(bytes))
        promise(try EvidenceDocument(json: document.json()) == document, "an evidence document survives its file")
        let appraiser = Appraiser(policy: Policy(tee: Set(TEEKind.allCases)))
        let peer = try? appraiser.verify(document, nonce: document.nonce, at: time)
        promise(peer == nil, "a policy that states nothing accepts nobody")
    }

    /// What the owner signs, and the enclave reads.
    static func manifestCore(_ bytes: UnsafeRawBufferPointer) throws {
        let core = try ManifestCore(decoding: Array(bytes))
        promise(core.encoded().elementsEqual(bytes), "a manifest core has one encoding")
        promise(core.sealingContext.count == bytes.count, "the sealing context is as long as the core")
    }

    /// What an enclave states of itself.
    static func enclaveFacts(_ bytes: UnsafeRawBufferPointer) throws {
        let facts = try EnclaveFacts(decoding: Array(bytes))
        promise(facts.encoded().elementsEqual(bytes), "an enclave's facts have one encoding")
    }

    static func developmentReport(_ bytes: UnsafeRawBufferPointer) throws {
        let report = try DevelopmentReport(parsing: Array(bytes))
        promise(report.encoded().elementsEqual(bytes), "a development report has one encoding")
    }

    static func intelQuote(_ bytes: UnsafeRawBufferPointer) throws {
        let quote = try IntelQuote(parsing: Array(bytes))
        promise(bytes.starts(with: quote.signedBytes), "a quote's signed bytes are its first")
        promise(quote.trailingByteCount < bytes.count, "a quote does not trail itself")
    }

    /// An SNP report, or the certificates that a host gives with one.
    static func amdReport(_ bytes: UnsafeRawBufferPointer) throws {
        try anyAccepts([
            { _ = try SNPReport(parsing: Array(bytes)) },
            { _ = try CertificateTable(parsing: Array(bytes)) },
        ])
    }

    /// A Nitro document, or any CBOR.
    static func nitroDocument(_ bytes: UnsafeRawBufferPointer) throws {
        try anyAccepts([
            { _ = try NitroDocument(parsing: Array(bytes)) },
            { _ = try CBOR(parsing: Array(bytes)) },
        ])
    }

    /// What Azure's paravisor and TPM say, which is read before anything is verified.
    static func azureEvidence(_ bytes: UnsafeRawBufferPointer) throws {
        if let fault = AzureForm.fault(of: Array(bytes)) { throw Refusal(description: fault) }
    }

    /// One certificate, PEM or DER.
    static func certificate(_ bytes: UnsafeRawBufferPointer) throws {
        _ = try TrustedRoots.dangerouslyTrust(Array(bytes))
    }

    static func revocationList(_ bytes: UnsafeRawBufferPointer) throws { try collateral(bytes, .pckCRL) }
    static func tcbInfo(_ bytes: UnsafeRawBufferPointer) throws { try collateral(bytes, .tcbInfo) }
    static func qeIdentity(_ bytes: UnsafeRawBufferPointer) throws { try collateral(bytes, .qeIdentity) }
    static func eventLog(_ bytes: UnsafeRawBufferPointer) throws { try collateral(bytes, .eventLog) }

    /// A file of collateral, read as if its signature had been checked.
    private static func collateral(_ bytes: UnsafeRawBufferPointer, _ role: CollateralRole) throws {
        if let fault = CollateralForm.fault(of: Array(bytes), as: role) { throw Refusal(description: fault) }
    }

    /// Evidence with its collateral, verified up to the vendor's root or to one that the bytes contain.
    static func verification(_ bytes: UnsafeRawBufferPointer) throws {
        let parcel = EvidenceParcel(bytes)
        let roots = try parcel.root.map { root throws(AttestationError) in try TrustedRoots.dangerouslyTrust(root) }
        let request = VerificationRequest(
            tee: parcel.tee, evidence: parcel.evidence, collateral: parcel.collateral,
            at: Timestamp(secondsSince1970: parcel.time), roots: roots ?? .vendors)
        let verdict = SavedEvidenceAppraiser(policy: nil).verdict(on: request)
        if !verdict.isAccepted { throw Refusal(description: "rejected") }
    }

    /// 2025-06-15.
    static let time = Timestamp(secondsSince1970: 1_750_000_000)

    private struct Refusal: Error, CustomStringConvertible { let description: String }
}
