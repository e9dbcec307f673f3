// SPDX-License-Identifier: Apache-2.0
/// Verified links from a root, which the caller has compared with the one that it trusts, down to a leaf.
enum CertificateChain {
    /// The fault of a chain, or `nil` if every link is valid: names, signatures, authority, path length, key usage,
    /// critical extensions. Validity periods are checked separately, because they have their own reason codes.
    ///
    /// - Parameter chain: The root first, at least two certificates.
    static func fault(_ chain: [Certificate]) -> String? {
        guard chain.count >= 2 else { return "a chain of \(chain.count) certificates" }
        for (index, certificate) in chain.enumerated() {
            let issuer = index == 0 ? certificate : chain[index - 1]
            guard certificate.issuer == issuer.subject else {
                return "\(name(certificate)) does not name \(name(issuer)) as its issuer"
            }
            guard issuer.publicKey.isValid(certificate.signature, over: certificate.signedBytes, certificate.algorithm)
            else { return "\(name(certificate)) is not signed by \(name(issuer))" }
            guard !certificate.hasUnknownCriticalExtension() else {
                return "\(name(certificate)) has a critical extension that is not known"
            }
            if index == chain.count - 1 {
                guard certificate.maySign, certificate.basicConstraints?.isAuthority != true else {
                    return "\(name(certificate)) may not sign, or is an authority"
                }
            } else {
                guard certificate.mayIssue else { return "\(name(certificate)) may not issue certificates" }
                let below = chain.count - 2 - index
                if let limit = certificate.basicConstraints?.pathLength, below > limit {
                    return "\(name(certificate)) allows \(limit) authorities below it; there are \(below)"
                }
            }
        }
        return nil
    }

    /// The first certificate that is not valid at the time, and why.
    static func expiry(
        _ certificates: [Certificate], at time: Timestamp
    ) -> (code: ReasonCode, found: String)? {
        for certificate in certificates {
            if time < certificate.notBefore {
                return (.certificateNotYetValid, "\(name(certificate)), valid from \(certificate.notBefore)")
            }
            if time > certificate.notAfter {
                return (.certificateExpired, "\(name(certificate)), valid until \(certificate.notAfter)")
            }
        }
        return nil
    }

    private static func name(_ certificate: Certificate) -> String {
        certificate.commonName.isEmpty ? "a certificate without a name" : "'\(certificate.commonName)'"
    }
}
