// SPDX-License-Identifier: Apache-2.0
import Evidence

/// Verification of SEV-SNP reports up to AMD's root key (ARK). Each step is a named check.
///
/// - Source: AMD 56860, SEV-SNP Firmware ABI; AMD 57230, VCEK Certificate and KDS Interface.
struct SNPVerification {
    let request: VerificationRequest

    private var time: Timestamp { request.time }

    func verify(_ claims: inout Claims, _ log: inout CheckLog) throws(Rejection) {
        let evidence: SNPEvidence
        do throws(EvidenceError) {
            evidence = try SNPEvidence(parsing: request.evidence)
        } catch {
            throw log.reject(.evidenceFormat, ReasonCode(error.code), found: error.message)
        }
        let report = evidence.report
        try log.require(.evidenceFormat, true, otherwise: .malformed, found: "report version \(report.version)")
        claims.read(report)

        let supplied = try suppliedCertificates(evidence.table, &log)
        let (vek, others) = try vek(report, supplied, &log)
        let chain = try chain(vek, supplied[.intermediate], others, &log)
        try revocation(chain, &claims, &log)
        try match(vek, report, chain, &claims, &log)
        try log.require(
            .reportSignature,
            report.signature.map {
                RawECDSA.isValid($0, over: report.signedBytes, key: vek.certificate.publicKey)
            } ?? false, otherwise: .reportSignatureInvalid)
    }

    /// The certificates by role. Those that were given by role take precedence over those of the given table, and these
    /// over those of the table that follows the report.
    private func suppliedCertificates(
        _ attached: CertificateTable, _ log: inout CheckLog
    ) throws(Rejection) -> [CollateralRole: [UInt8]] {
        let behind = CollateralEncoding.plain(attached.collateral)
        guard let bytes = request.collateral[.certificateTable] else {
            return behind.merging(request.collateral) { $1 }
        }
        do throws(EvidenceError) {
            let table = try CertificateTable(parsing: bytes)
            return behind.merging(CollateralEncoding.plain(table.collateral)) { $1 }
                .merging(request.collateral) { $1 }
        } catch {
            throw log.reject(.vekCertificate, .certificateMalformed, found: error.message)
        }
    }

    /// - Returns: The VCEK or VLEK, and the other certificates of its file: some clouds put the chain into the same
    ///   file.
    private func vek(
        _ report: SNPReport, _ supplied: [CollateralRole: [UInt8]], _ log: inout CheckLog
    ) throws(Rejection) -> (VEKCertificate, others: [Certificate]) {
        // The certificate of the report's kind if present, otherwise the other one, so that the mismatch is reported.
        let roles: [CollateralRole] = report.signingKey == .vlek ? [.vlek, .vcek] : [.vcek, .vlek]
        guard let bytes = roles.lazy.compactMap({ supplied[$0] }).first else {
            throw log.reject(.vekCertificate, .collateralMissing, found: "no vcek, no vlek")
        }
        let vek: VEKCertificate
        let others: [Certificate]
        do throws(CertificateFault) {
            let certificates = try PEM.certificates(bytes)
            let leaves = certificates.count == 1 ? certificates : certificates.filter(VEKCertificate.isNamed)
            guard leaves.count == 1, let leaf = leaves.first else {
                throw CertificateFault(
                    "\(certificates.count) certificates, of which \(leaves.count) are a VCEK or VLEK; expected 1")
            }
            vek = try VEKCertificate(leaf)
            others = certificates.filter { $0.der != leaf.der }
        } catch {
            throw log.reject(.vekCertificate, .certificateMalformed, found: error.description)
        }
        try log.require(
            .vekCertificate, true, otherwise: .certificateMalformed,
            found: "'\(vek.certificate.commonName)' for \(vek.product.rawValue)")
        return (vek, others)
    }

    /// The root of the result is always one of the trusted roots; a copy of the root in a file is not used.
    private func chain(
        _ vek: VEKCertificate, _ intermediate: [UInt8]?, _ others: [Certificate], _ log: inout CheckLog
    ) throws(Rejection) -> [Certificate] {
        var intermediates = others + AMDRoots.intermediates
        if let intermediate {
            do throws(CertificateFault) {
                intermediates = try PEM.certificates(intermediate)
            } catch {
                throw log.reject(.vekChain, .certificateMalformed, found: error.description)
            }
            guard !intermediates.isEmpty else {
                throw log.reject(.vekChain, .certificateMalformed, found: "an intermediate file without a certificate")
            }
        }
        guard let intermediate = intermediates.first(where: { $0.subject == vek.certificate.issuer }) else {
            throw log.reject(
                .vekChain, .vekChainInvalid, found: "no intermediate that the certificate names as its issuer")
        }
        guard let root = request.roots.certificates(for: .snp).first(where: { $0.subject == intermediate.issuer })
        else {
            throw log.reject(
                .vekChain, .vekChainInvalid, found: "'\(intermediate.commonName)' is not issued by a trusted ARK")
        }
        let chain = [root, intermediate, vek.certificate]
        let fault = CertificateChain.fault(chain)
        try log.require(
            .vekChain, fault == nil, otherwise: .vekChainInvalid,
            found: fault ?? chain.map(\.commonName).joined(separator: ", "))
        let expiry = CertificateChain.expiry(chain, at: time)
        try log.require(
            .vekValidity, expiry == nil, otherwise: expiry?.code ?? .certificateExpired, found: expiry?.found ?? "",
            expected: "valid at \(time)")
        return chain
    }

    /// AMD publishes lists, but they are not always available. Without one the check is skipped, and a policy for a
    /// peer must allow that.
    private func revocation(
        _ chain: [Certificate], _ claims: inout Claims, _ log: inout CheckLog
    ) throws(Rejection) {
        let name = "crl/\(chain[0].commonName)"
        guard let der = request.collateral[.crl] else {
            // A verifier that has seen a list, and perhaps a revocation in it, must not accept evidence without one.
            if let earlier = request.seenBefore[name] {
                throw log.reject(
                    .collateralAge, .collateralRolledBack, found: "no revocation list of the ARK",
                    expected: "\(name) of \(earlier), or later")
            }
            log.skip(.askRevocation, "no revocation list of the ARK was given")
            return
        }
        let list: RevocationList
        do throws(CertificateFault) {
            list = try RevocationList(der: der)
        } catch {
            throw log.reject(.askRevocation, .crlInvalid, found: error.description)
        }
        guard list.isIssued(by: chain[0]) else {
            throw log.reject(
                .askRevocation, .crlInvalid, found: "a list not issued by its authority",
                expected: "issuer '\(chain[0].commonName)'")
        }
        guard list.thisUpdate <= time, time <= list.nextUpdate else {
            throw log.reject(
                .askRevocation, time < list.thisUpdate ? .crlNotYetValid : .crlExpired,
                found: "\(list.thisUpdate) to \(list.nextUpdate)", expected: "valid at \(time)")
        }
        claims.collateral[name] = CollateralRecord(date: list.thisUpdate)
        try log.require(
            .askRevocation, !list.lists(chain[1]), otherwise: .authorityRevoked,
            found: "serial number \(chain[1].serialNumber.hex)")
    }

    private func match(
        _ vek: VEKCertificate, _ report: SNPReport, _ chain: [Certificate], _ claims: inout Claims,
        _ log: inout CheckLog
    ) throws(Rejection) {
        try log.require(
            .signingKey, vek.kind == report.signingKey, otherwise: .signingKeyMismatch,
            found: "certificate '\(vek.certificate.commonName)'", expected: "\(report.signingKey)")

        let reported = vek.product.layout.map { ($0.name, Int(report.reportedTCB[$0.index])) }
        claims.platformVersions = reported.map(\.0)
        claims.securityVersions = ["guestsvn": Int(report.guestSVN)].merging(reported) { $1 }
        let differing = reported.filter { vek.versions[$0.0] != $0.1 }
        try log.require(
            .vekTCB, differing.isEmpty, otherwise: .vekTCBMismatch,
            found: differing.map { "\($0.0) \(vek.versions[$0.0].map(String.init) ?? "missing")" }
                .joined(separator: ", "),
            expected: reported.map { "\($0.0) \($0.1)" }.joined(separator: ", "))

        if vek.kind == .vcek {
            // A masked chip id is all zeros, so the check fails, as it should.
            let used = vek.product.chipIDByteCount
            try log.require(
                .vekChipID,
                !report.isChipMasked && vek.chipID == Array(report.chipID.prefix(used))
                    && report.chipID.dropFirst(used).allSatisfy { $0 == 0 },
                otherwise: .vekChipIDMismatch, found: vek.chipID?.hex ?? "none", expected: report.chipID.hex)
        } else {
            log.skip(.vekChipID, "a VLEK is for all chips of a cloud")
        }

        let names = ["SEV-\(vek.product.rawValue)", "SEV-VLEK-\(vek.product.rawValue)"]
        let processor = report.processor.map { VEKCertificate.Product($0)?.rawValue ?? "an unknown product" }
        try log.require(
            .vekProduct,
            names.contains(chain[1].commonName) && chain[0].commonName == "ARK-\(vek.product.rawValue)"
                && (processor == nil || processor == vek.product.rawValue),
            otherwise: .productMismatch,
            found: "certificate \(vek.product.rawValue), chain '\(chain[1].commonName)', CPUID "
                + (processor ?? "not in report version 2"),
            expected: "one product")
    }
}

extension Claims {
    mutating func read(_ report: SNPReport) {
        measurements = [
            Measurement(name: "measurement", value: report.measurement),
            Measurement(name: "host_data", value: report.hostData),
            Measurement(name: "id_key_digest", value: report.idKeyDigest),
            Measurement(name: "author_key_digest", value: report.authorKeyDigest),
            Measurement(name: "family_id", value: report.familyID),
            Measurement(name: "image_id", value: report.imageID),
            Measurement(name: "report_id", value: report.reportID),
            Measurement(name: "chip_id", value: report.chipID),
        ]
        reportData = report.reportData
        isDebug = report.isDebug
        isMigratable = report.isMigratable
        vmpl = report.vmpl
        flags = report.flags
        launchMitigations = report.launchMitigations
        currentMitigations = report.currentMitigations
        hasReservedPolicyBit = report.hasReservedPolicyBit
        securityVersions = ["guestsvn": Int(report.guestSVN)]
        // A report of version 2 does not name the processor; only generations before the change of the layout write it.
        let product = report.processor.map(VEKCertificate.Product.init) ?? .milan
        for (name, index) in product?.layout ?? [] { securityVersions[name] = Int(report.reportedTCB[index]) }
    }
}
