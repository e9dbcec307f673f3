// SPDX-License-Identifier: Apache-2.0
package import BundleFormat
import Crypto
public import Evidence

/// Judges evidence against a policy. It reads no clock, file or network: time and collateral are arguments.
package struct Appraiser: Sendable {
    /// The policy for the evidence.
    package let policy: Policy
    private let development: DevelopmentTEE

    /// - Parameter development: Evidence of the development TEE is refused unless the caller accepts it here by name
    ///   and the policy names it too.
    package init(policy: Policy, development: DevelopmentTEE = .refuse) {
        self.policy = policy
        self.development = development
    }

    /// Verifies that a document was made for this nonce by an enclave that the policy describes.
    ///
    /// - Parameters:
    ///   - nonce: 16 to 64 random bytes that the caller made for this session and used for no other.
    ///   - time: The time at which certificates and collateral have to be valid.
    ///   - collateral: The caller's own collateral, which replaces that of the document.
    ///   - roots: Where chains have to end.
    ///   - seenBefore: ``Claims/collateral`` of earlier verdicts; older collateral is refused.
    /// - Returns: The peer, the only value that messages can be sealed to.
    /// - Throws: ``AttestationError``: `rejected` with the verdict, or `invalidInput`.
    package func verify(
        _ document: EvidenceDocument, nonce: [UInt8], at time: Timestamp,
        collateral: [CollateralRole: [UInt8]] = [:], roots: TrustedRoots = .vendors,
        seenBefore: [String: CollateralRecord] = [:]
    ) throws(AttestationError) -> VerifiedPeer {
        guard ReportTranscript.nonceByteCounts.contains(nonce.count) else {
            throw AttestationError(.invalidInput, "the nonce has \(nonce.count) bytes; expected 16 to 64")
        }
        // No check uses an unknown role.
        var served = Dictionary(
            document.collateral.compactMap { role, bytes in CollateralRole(rawValue: role).map { ($0, bytes) } }
        ) { first, _ in first }
        served = served.filter { role, _ in !Self.displaces(collateral, role, of: document.tee) }
        let request = VerificationRequest(
            tee: document.tee, evidence: document.evidence,
            collateral: served.merging(collateral) { $1 }, at: time, roots: roots,
            seenBefore: seenBefore)
        var log = CheckLog()
        var claims = Claims()
        var bound: (core: ManifestCore, facts: EnclaveFacts)?
        do throws(Rejection) {
            // Checked before anything is read: evidence of a TEE that the policy does not name is not examined.
            guard policy.tee.contains(document.tee) else {
                throw log.reject(
                    .teeAllowed, document.tee == .development ? .developmentNotAccepted : .wrongTEE,
                    found: document.tee.rawValue,
                    expected: policy.tee.map(\.rawValue).sorted().joined(separator: " or "))
            }
            try EvidenceVerification(request: request, policy: policy, development: development)
                .verify(&claims, &log)
            PolicyAppraisal(policy: policy, request: request, isForPeer: true).check(claims, &log)
            let (core, facts) = try DocumentBinding(policy: policy, document: document, nonce: nonce)
                .check(claims, &log)
            try ServiceAppraisal(policy: policy, core: core, facts: facts, manifest: document.manifest).check(&log)
            bound = (core, facts)
        } catch {
            // The log has the failed check.
        }
        let verdict = Verdict(tee: document.tee, entries: log.entries, claims: claims, warnings: log.warnings)
        // If a stage ends without a failed check, that is a defect of this code, and the evidence is not accepted.
        guard let bound, verdict.isAccepted else { throw AttestationError(rejected: verdict) }
        return VerifiedPeer(document, bound.core, bound.facts, verdict)
    }
}

extension Appraiser {
    /// Whether collateral of this role from the server is ignored because of the caller's own collateral.
    private static func displaces(
        _ own: [CollateralRole: [UInt8]], _ role: CollateralRole, of tee: TEEKind
    ) -> Bool {
        switch tee.hardware {
        // A caller with its own collateral decides how fresh it is, so the server must not choose the rest.
        // Certificates do not become outdated, and an event log does not describe the platform.
        case .sgx, .tdx:
            return own.keys.contains { $0 != .pckCertificateChain && $0 != .eventLog } && role != .pckCertificateChain
        // All certificates come from one source, as files or as a table. Otherwise two sources would be mixed, and the
        // server's certificates could take precedence.
        case .snp:
            let certificates: Set<CollateralRole> = [.vcek, .vlek, .intermediate, .certificateTable]
            return certificates.contains(role) && !certificates.isDisjoint(with: own.keys)
        case .nitro, .development, .azureSNP, .azureTDX: return false
        }
    }
}

/// A peer whose evidence passed every required check. Only an appraisal makes one, and messages can be encrypted to
/// nothing else.
public struct VerifiedPeer: Sendable {
    /// The appraisal of the peer.
    public let verdict: Verdict
    /// The run of the enclave that made the keys.
    public let epoch: [UInt8]
    /// The exact bytes of `manifest.json`, whose digest is in ``manifestCore``.
    public let manifest: [UInt8]
    /// The signed manifest to which the enclave is bound.
    public let manifestCore: ManifestCore
    /// The enclave's statements about itself.
    public let facts: EnclaveFacts
    /// SHA-256 of the manifest core's bytes.
    public let manifestDigest: [UInt8]
    /// An `application/ohttp-keys` list: the keys that only the verified enclave has.
    package let keyConfiguration: [UInt8]

    /// Whether the enclave serves: the owner has provisioned it and the lease has not ended.
    public var isProvisioned: Bool { if case .provisioned = facts.state { true } else { false } }

    fileprivate init(
        _ document: EvidenceDocument, _ manifestCore: ManifestCore, _ facts: EnclaveFacts, _ verdict: Verdict
    ) {
        self.manifestCore = manifestCore
        self.facts = facts
        self.manifestDigest = Array(SHA256.hash(data: document.manifestCore))
        self.verdict = verdict
        self.epoch = document.epoch
        self.manifest = document.manifest
        self.keyConfiguration = document.keyConfiguration
    }
}
