// SPDX-License-Identifier: Apache-2.0
import Evidence

/// Judges saved evidence, which belongs to no session, so it never gives a peer.
public struct SavedEvidenceAppraiser: Sendable {
    private let policy: Policy?
    private let reportData: Requirement<[UInt8]>
    private let development: DevelopmentTEE

    /// An appraiser of saved evidence.
    ///
    /// - Parameters:
    ///   - policy: `nil` appraises nothing: evidence is verified to the vendor's root, and every check of a policy is
    ///     listed as skipped.
    ///   - reportData: The data to which the evidence has to be bound.
    ///   - development: Whether evidence of the development TEE, which protects nothing, is verified at all.
    public init(
        policy: Policy?, reportData: Requirement<[UInt8]> = .unstated, development: DevelopmentTEE = .refuse
    ) {
        self.policy = policy
        self.reportData = reportData
        self.development = development
    }

    /// Verifies the evidence and appraises it. Rejected evidence is a verdict, not an error.
    ///
    /// - Returns: Every check in order, and the claims of the evidence.
    public func verdict(on request: VerificationRequest) -> Verdict {
        var log = CheckLog()
        var claims = Claims()
        do throws(Rejection) {
            try EvidenceVerification(request: request, policy: policy, development: development)
                .verify(&claims, &log)
            if let policy {
                PolicyAppraisal(policy: policy, request: request, isForPeer: false).check(claims, &log)
            } else {
                log.warnings.append("no policy was given: nothing was appraised, only verified to the root")
                for check in PolicyAppraisal.checks(of: request.tee) { log.skip(check, "no policy was given") }
            }
            switch reportData {
            case .require(let expected): ReportDataAppraisal.check(expected, claims, &log)
            case .skip(let reason): log.skip(.reportData, reason)
            case .unstated where policy?.reportData ?? .unstated == .unstated:
                log.skip(.reportData, "no report data to compare with was given")
            case .unstated: break
            }
        } catch {
            // The log has the failed check.
        }
        return Verdict(tee: request.tee, entries: log.entries, claims: claims, warnings: log.warnings)
    }
}
