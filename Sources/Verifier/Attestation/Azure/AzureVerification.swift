// SPDX-License-Identifier: Apache-2.0
import Crypto
import CryptoExtras
import Evidence

/// Verification of evidence of Azure's confidential machines: the hardware's report to its vendor's root, then from its
/// report data down to the TPM's quote, whose extra data are what the evidence is bound to. Each step is a named check.
///
/// - Source: Microsoft, "Guest attestation for confidential VMs"; TCG, Trusted Platform Module Library.
struct AzureVerification {
    let request: VerificationRequest

    /// All that is in the evidence, parsed.
    struct Parts {
        let evidence: AzureEvidence
        let report: HCLReport
        let quote: TPMQuote
        /// TDX only.
        let domain: TDReportStructure?

        init(parsing bytes: [UInt8]) throws(EvidenceError) {
            evidence = try AzureEvidence(json: bytes)
            report = try HCLReport(parsing: evidence.hclReport)
            guard report.kind == .snp || evidence.tdQuote != nil else {
                throw EvidenceError(.malformed, "Azure's evidence of TDX has no td_quote")
            }
            let other = report.kind == .snp ? ("td_quote", evidence.tdQuote) : ("vcek", evidence.vcek)
            guard other.1 == nil else {
                throw EvidenceError(.malformed, "Azure's evidence of \(report.kind) has \(other.0), which is not of it")
            }
            quote = try TPMQuote(parsing: evidence.quoteMessage)
            domain = report.kind == .tdx ? try TDReportStructure(report.hardwareReport) : nil
        }

        /// Whether the quote is of the domain in the HCL report; true for SNP, which has no quote.
        var isQuoteOfReport: Bool {
            guard let domain else { return true }
            guard let bytes = evidence.tdQuote, let quote = try? IntelQuote(parsing: bytes),
                case .tdx(let report) = quote.body
            else { return false }
            return domain.domain == Array(report.bytes[120..<520]) && domain.reportData == report.reportData
        }

        /// SHA-256 over the stated values of the registers that the quote is over.
        var registersDigest: [UInt8] {
            Array(SHA256.hash(data: quote.registers.flatMap { evidence.registers[$0] }))
        }
    }

    func verify(_ claims: inout Claims, _ log: inout CheckLog) throws(Rejection) {
        let parts: Parts
        do throws(EvidenceError) { parts = try Parts(parsing: request.evidence) } catch {
            throw log.reject(.evidenceFormat, ReasonCode(error.code), found: error.message)
        }
        try log.require(
            .evidenceFormat, true, otherwise: .malformed, found: "HCL report of \(parts.report.kind)")
        // Added last, after the hardware's claims, and also when a check fails, so that the verdict on refused evidence
        // has its claims.
        defer { claims.read(parts) }
        let kind: TEEKind = parts.report.kind == .snp ? .azureSNP : .azureTDX
        try log.require(
            .teeKind, kind == request.tee, otherwise: .wrongTEE, found: kind.rawValue, expected: request.tee.rawValue)
        try hardware(parts, &claims, &log)

        let expected = parts.report.expectedReportData
        try log.require(
            .runtimeData, claims.reportData == expected, otherwise: .runtimeDataMismatch, found: claims.reportData.hex,
            expected: expected.hex)
        // Parsed only after the hardware's report authenticated them.
        let runtimeData: RuntimeData
        do throws(EvidenceError) { runtimeData = try RuntimeData(json: parts.report.runtimeData) } catch {
            throw log.reject(.evidenceFormat, ReasonCode(error.code), found: error.message)
        }
        try domain(parts, &log)
        try quote(parts, by: runtimeData.attestationKey, &log)
    }

    /// The hardware's own evidence, verified like evidence without a TPM.
    private func hardware(_ parts: Parts, _ claims: inout Claims, _ log: inout CheckLog) throws(Rejection) {
        var collateral = request.collateral
        // The caller's collateral takes precedence over that of the evidence.
        if parts.report.kind == .snp, collateral[.vcek] == nil, collateral[.certificateTable] == nil {
            collateral[.vcek] = parts.evidence.vcek
        }
        let inner = VerificationRequest(
            tee: request.tee.hardware,
            evidence: parts.report.kind == .snp ? parts.report.hardwareReport : parts.evidence.tdQuote ?? [],
            collateral: collateral, at: request.time, roots: request.roots, seenBefore: request.seenBefore)
        switch parts.report.kind {
        case .snp:
            try SNPVerification(request: inner).verify(&claims, &log)
            // The paravisor requests its report at level 0. At any other level, the guest itself can request a report
            // over any key.
            guard claims.vmpl == 0 else {
                throw log.reject(
                    .vmpl, .vmplNotAllowed, found: "VMPL \(claims.vmpl.map(String.init) ?? "missing")",
                    expected: "0, the paravisor's")
            }
        case .tdx: try IntelVerification(request: inner).verify(&claims, &log)
        }
    }

    /// The authenticity of a TDREPORT can be checked on its own platform only. Here it has to agree with the verified
    /// quote.
    private func domain(_ parts: Parts, _ log: inout CheckLog) throws(Rejection) {
        guard parts.domain != nil else { return }
        let isEqual = parts.isQuoteOfReport
        try log.require(
            .hclReport, isEqual, otherwise: .hclReportMismatch, found: isEqual ? "" : "a TDREPORT of another domain",
            expected: "what the quote says")
    }

    private func quote(
        _ parts: Parts, by key: _RSA.Signing.PublicKey, _ log: inout CheckLog
    ) throws(Rejection) {
        let signature = _RSA.Signing.RSASignature(rawRepresentation: parts.evidence.quoteSignature)
        try log.require(
            .tpmQuoteSignature,
            key.isValidSignature(
                signature, for: SHA256.hash(data: parts.evidence.quoteMessage), padding: .insecurePKCS1v1_5),
            otherwise: .tpmQuoteSignatureInvalid)
        let digest = parts.registersDigest
        try log.require(
            .tpmRegisters, digest == parts.quote.digest, otherwise: .tpmRegistersMismatch, found: digest.hex,
            expected: parts.quote.digest.hex)
    }
}

extension Claims {
    /// Adds the TPM's claims after the hardware's. Registers outside the quote's selection, or whose digest differs
    /// from the quote's, are not authenticated and are left out.
    fileprivate mutating func read(_ parts: AzureVerification.Parts) {
        if parts.registersDigest == parts.quote.digest {
            measurements += parts.quote.registers.map {
                Measurement(name: "pcr\($0)", value: parts.evidence.registers[$0])
            }
        }
        reportData = parts.quote.extraData
    }
}
