// SPDX-License-Identifier: Apache-2.0
import Evidence

/// Verification of evidence of any TEE to its vendor's root.
struct EvidenceVerification {
    let request: VerificationRequest
    /// The policy for evidence of the development TEE, which has no vendor.
    let policy: Policy?
    let development: DevelopmentTEE

    /// - Parameter claims: Filled as far as the evidence was read, also when a check fails.
    func verify(_ claims: inout Claims, _ log: inout CheckLog) throws(Rejection) {
        if request.tee != .development, let warning = request.roots.warning { log.warnings.append(warning) }
        if request.tee != .development, let form = OtherEvidenceForm.name(of: request.evidence, for: request.tee) {
            throw log.reject(.evidenceFormat, .unsupportedFormat, found: form)
        }
        switch request.tee {
        case .development:
            try DevelopmentVerification(request: request, policy: policy, acceptance: development)
                .verify(&claims, &log)
        case .sgx, .tdx: try IntelVerification(request: request).verify(&claims, &log)
        case .snp: try SNPVerification(request: request).verify(&claims, &log)
        case .nitro: try NitroVerification(request: request).verify(&claims, &log)
        case .azureSNP, .azureTDX: try AzureVerification(request: request).verify(&claims, &log)
        }
        try age(claims, &log)
    }

    /// A server of collateral could send collateral from before a revocation, as long as it has not expired.
    private func age(_ claims: Claims, _ log: inout CheckLog) throws(Rejection) {
        let known = claims.collateral.filter { request.seenBefore[$0.key] != nil }
        guard !known.isEmpty else {
            if !claims.collateral.isEmpty {
                log.skip(.collateralAge, "no earlier collateral of this platform is known")
            }
            return
        }
        for (name, record) in known.sorted(by: { $0.key < $1.key }) {
            guard let earlier = request.seenBefore[name], record.isOlder(than: earlier) else { continue }
            throw log.reject(
                .collateralAge, .collateralRolledBack, found: "\(name) of \(record)", expected: "\(earlier), or later")
        }
        try log.require(.collateralAge, true, otherwise: .collateralRolledBack)
    }
}
