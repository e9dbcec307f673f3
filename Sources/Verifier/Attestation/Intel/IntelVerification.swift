// SPDX-License-Identifier: Apache-2.0
import Crypto
import Evidence

/// Verification of SGX and TDX quotes up to the Intel SGX Root CA. Each step is a named check.
///
/// - Source: Intel SGX ECDSA QuoteLib Reference; Intel PCS API v4.
struct IntelVerification {
    let request: VerificationRequest

    private var time: Timestamp { request.time }

    func verify(_ claims: inout Claims, _ log: inout CheckLog) throws(Rejection) {
        let quote: IntelQuote
        do throws(EvidenceError) {
            quote = try IntelQuote(parsing: request.evidence)
        } catch {
            throw log.reject(.evidenceFormat, ReasonCode(error.code), found: error.message)
        }
        try log.require(.evidenceFormat, true, otherwise: .malformed, found: "quote version \(quote.version)")
        claims.read(quote)
        try log.require(
            .teeKind, quote.tee == request.tee, otherwise: .wrongTEE, found: quote.tee.rawValue,
            expected: request.tee.rawValue)

        let (chain, pck) = try pckChain(quote, &log)
        try signatures(quote, chain.leaf, &log)

        let missing = IntelCollateral.required.filter { request.collateral[$0] == nil }
        try log.require(
            .collateralPresent, missing.isEmpty, otherwise: .collateralMissing,
            found: missing.isEmpty ? "" : "no " + missing.map(\.rawValue).joined(separator: ", no "))
        let collateral = IntelCollateral(request: request, chain: chain)
        let rootCRL = try collateral.checkRevocation(&claims, &log)
        let info = try collateral.tcbInfo(rootCRL, &claims, &log)
        try match(info, quote, pck, &log)
        let identity = try collateral.qeIdentity(rootCRL, &claims, &log)
        let quotingEnclave = try match(identity, quote, &log)
        try evaluate(quote, pck, info, quotingEnclave, &claims, &log)
        try eventLog(quote, &log)
    }

    /// The log is not signed. It explains the registers only if its replay gives those of the quote.
    private func eventLog(_ quote: IntelQuote, _ log: inout CheckLog) throws(Rejection) {
        guard let bytes = request.collateral[.eventLog], case .tdx(let report) = quote.body else { return }
        let replay: EventLogReplay
        do throws(EvidenceError) { replay = EventLogReplay(try EventLog(parsing: bytes)) } catch {
            throw log.reject(.eventLog, .malformed, found: error.message)
        }
        // Software in the domain may have extended RTMR3 since, which the firmware's log does not show.
        let compared = (0..<EventLogReplay.registerCount).filter { register in
            register < 3 || replay.steps.contains { $0.event.register == register }
        }
        let different = compared.filter { replay.registers[$0] != report.rtmrs[$0] }
        try log.require(
            .eventLog, different.isEmpty, otherwise: .eventLogMismatch,
            found: different.isEmpty
                ? "\(replay.steps.count) events"
                : different.map { "rtmr\($0) \(replay.registers[$0].hex)" }.joined(separator: ", "),
            expected: different.map { "rtmr\($0) \(report.rtmrs[$0].hex)" }.joined(separator: ", "))
    }

    private func pckChain(
        _ quote: IntelQuote, _ log: inout CheckLog
    ) throws(Rejection) -> (IntelChain, PCKExtension) {
        let text: [UInt8]
        if quote.certificationKind == IntelQuote.pckChainKind {
            text = quote.certificationData
        } else if (1...4).contains(quote.certificationKind), let chain = request.collateral[.pckCertificateChain] {
            text = chain
        } else {
            throw log.reject(
                .pckCertificates, .unsupportedCertificationData,
                found: "certification data of kind \(quote.certificationKind)", expected: "kind 5, a PCK chain")
        }
        let chain: IntelChain
        let pck: PCKExtension
        do throws(CertificateFault) {
            chain = try IntelChain(pck: PEM.certificates(text))
            pck = try PCKExtension(chain.leaf)
        } catch {
            throw log.reject(.pckCertificates, .pckChainInvalid, found: error.description)
        }
        try log.require(
            .pckCertificates, true, otherwise: .pckChainInvalid, found: "FMSPC \(pck.fmspc.hex)")
        try requireRoot(.pckRoot, chain, &log)
        let fault = CertificateChain.fault(chain.certificates)
        try log.require(.pckChain, fault == nil, otherwise: .pckChainInvalid, found: fault ?? "")
        let expiry = CertificateChain.expiry(chain.certificates, at: time)
        try log.require(
            .pckValidity, expiry == nil, otherwise: expiry?.code ?? .certificateExpired, found: expiry?.found ?? "",
            expected: "valid at \(time)")
        return (chain, pck)
    }

    /// Two root certificates with the same key are in use, so the key is compared.
    private func requireRoot(_ check: Check, _ chain: IntelChain, _ log: inout CheckLog) throws(Rejection) {
        let keys = request.roots.certificates(for: request.tee).map(\.publicKeyInfo)
        try log.require(
            check, keys.contains(chain.root.publicKeyInfo), otherwise: .untrustedRoot,
            found: "key \(Array(SHA256.hash(data: chain.root.publicKeyInfo)).hex)",
            expected: keys.map { Array(SHA256.hash(data: $0)).hex }.joined(separator: " or "))
    }

    private func signatures(
        _ quote: IntelQuote, _ pck: Certificate, _ log: inout CheckLog
    ) throws(Rejection) {
        try log.require(
            .qeReportSignature,
            RawECDSA.isValid(quote.qeReportSignature, over: quote.qeReport.bytes, key: pck.publicKey),
            otherwise: .qeReportSignatureInvalid)
        let binding =
            Array(SHA256.hash(data: quote.attestationKey + quote.qeAuthenticationData))
            + [UInt8](repeating: 0, count: 32)
        try log.require(
            .attestationKeyBinding, quote.qeReport.reportData == binding, otherwise: .attestationKeyBindingInvalid,
            found: quote.qeReport.reportData.hex, expected: binding.hex)
        try log.require(
            .quoteSignature,
            RawECDSA.isValidP256(quote.signature, over: quote.signedBytes, key: quote.attestationKey),
            otherwise: .quoteSignatureInvalid)
    }

    private func match(
        _ info: TCBInfo, _ quote: IntelQuote, _ pck: PCKExtension, _ log: inout CheckLog
    ) throws(Rejection) {
        try log.require(
            .tcbInfoMatch, info.tee == quote.tee && info.fmspc == pck.fmspc && info.pceID == pck.pceID,
            otherwise: .tcbInfoMismatch,
            found: "\(info.tee.rawValue), FMSPC \(info.fmspc.hex), PCE id \(info.pceID.hex)",
            expected: "\(quote.tee.rawValue), FMSPC \(pck.fmspc.hex), PCE id \(pck.pceID.hex)")
    }

    private func match(
        _ identity: QEIdentity, _ quote: IntelQuote, _ log: inout CheckLog
    ) throws(Rejection) -> TCBLevelState {
        let difference =
            identity.tee == quote.tee
            ? identity.difference(from: quote.qeReport)
            : ("identity for \(identity.tee.rawValue)", "one for \(quote.tee.rawValue)")
        try log.require(
            .qeIdentityMatch, difference == nil, otherwise: .qeIdentityMismatch, found: difference?.found ?? "",
            expected: difference?.expected ?? "")
        guard let level = identity.levels.first(where: { quote.qeReport.svn >= $0.svn }) else {
            throw log.reject(
                .tcbLevel, .tcbNotSupported, found: "QE isvsvn \(quote.qeReport.svn)",
                expected: "\(identity.levels.last?.svn ?? 0) or more")
        }
        return level.state
    }

    private func evaluate(
        _ quote: IntelQuote, _ pck: PCKExtension, _ info: TCBInfo, _ quotingEnclave: TCBLevelState,
        _ claims: inout Claims, _ log: inout CheckLog
    ) throws(Rejection) {
        var report: TDReport?
        if case .tdx(let body) = quote.body {
            report = body
            try requireModule(body, info, &log)
        }
        let result: TCBEvaluation.Result
        do throws(TCBEvaluation.Unsupported) {
            result = try TCBEvaluation(info: info, pck: pck, quotingEnclave: quotingEnclave).result(report)
        } catch {
            throw log.reject(.tcbLevel, .tcbNotSupported, found: error.found, expected: "a level of the TCB info")
        }
        claims.tcbStatus = result.status
        claims.tcbDate = result.date
        claims.advisories = result.advisories
        try log.require(.tcbLevel, true, otherwise: .tcbNotSupported, found: result.status.rawValue)
        try log.require(
            .tcbNotRevoked, result.status != .revoked, otherwise: .tcbRevoked, found: result.status.rawValue)
    }

    private func requireModule(
        _ report: TDReport, _ info: TCBInfo, _ log: inout CheckLog
    ) throws(Rejection) {
        // The module at launch, and the one that runs now if the report names it.
        for svns in [report.teeTCBSVN] + (report.currentTEETCBSVN.map { [$0] } ?? []) {
            let identity = info.modules[svns[1]]
            let isListed =
                identity.map {
                    $0.signer == report.mrSignerSEAM && $0.attributes == report.seamAttributes
                        && report.seamAttributes.allSatisfy { $0 == 0 }
                } ?? false
            try log.require(
                .tdxModule, isListed, otherwise: .tdxModuleMismatch,
                found: "module version \(svns[1]), signer \(report.mrSignerSEAM.hex), attributes "
                    + report.seamAttributes.hex,
                expected: identity.map { "signer \($0.signer.hex), attributes \($0.attributes.hex)" }
                    ?? "a version that the TCB info lists")
        }
    }
}

extension Claims {
    mutating func read(_ quote: IntelQuote) {
        switch quote.body {
        case .sgx(let report):
            measurements = [
                Measurement(name: "mrenclave", value: report.mrEnclave),
                Measurement(name: "mrsigner", value: report.mrSigner),
                Measurement(name: "isvextprodid", value: report.extendedProductID),
                Measurement(name: "isvfamilyid", value: report.familyID),
                Measurement(name: "configid", value: report.configID),
                Measurement(name: "attributes", value: report.attributes),
                Measurement(name: "miscselect", value: report.miscSelect),
            ]
            reportData = report.reportData
            isDebug = report.isDebug
            productID = report.productID
            securityVersions = ["isvsvn": report.svn, "configsvn": report.configSVN]
        case .tdx(let report):
            measurements =
                [
                    Measurement(name: "mrtd", value: report.mrTD)
                ]
                + report.rtmrs.enumerated().map { Measurement(name: "rtmr\($0)", value: $1) } + [
                    Measurement(name: "mrseam", value: report.mrSEAM),
                    Measurement(name: "mrsignerseam", value: report.mrSignerSEAM),
                    Measurement(name: "mrconfigid", value: report.mrConfigID),
                    Measurement(name: "mrowner", value: report.mrOwner),
                    Measurement(name: "mrownerconfig", value: report.mrOwnerConfig),
                    Measurement(name: "seamattributes", value: report.seamAttributes),
                    Measurement(name: "tdattributes", value: report.attributes),
                    Measurement(name: "xfam", value: report.xfam),
                    Measurement(name: "tee_tcb_svn", value: report.teeTCBSVN),
                ]
            if let service = report.mrServiceTD {
                measurements.append(Measurement(name: "mrservicetd", value: service))
            }
            reportData = report.reportData
            isDebug = report.isDebug
            isMigratable = report.isMigratable
            flags = report.flags
            securityVersions = ["module": Int(report.teeTCBSVN[0]), "moduleversion": Int(report.teeTCBSVN[1])]
        }
    }
}
