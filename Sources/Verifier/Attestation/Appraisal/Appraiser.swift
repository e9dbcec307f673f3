public import Evidence

/// Judges evidence against a policy. It reads no clock, file or network: time and collateral are arguments.
public struct Appraiser: Sendable {
    public let policy: Policy
    private let development: DevelopmentTEE

    /// - Parameter development: Evidence of the development TEE is refused unless the caller accepts it here by name
    ///   and the policy names it too.
    public init(policy: Policy, development: DevelopmentTEE = .refuse) {
        self.policy = policy
        self.development = development
    }

    /// Verifies that a document was made for this nonce by an enclave that the policy describes.
    ///
    /// - Parameters:
    ///   - nonce: 16 to 64 random bytes that the caller made for this session and used for no other.
    ///   - time: The time at which certificates and collateral have to be valid.
    /// - Returns: The peer, the only value that messages can be sealed to.
    /// - Throws: ``AttestationError``: `rejected` with the verdict, or `invalidInput`.
    public func verify(
        _ document: EvidenceDocument, nonce: [UInt8], at time: Timestamp
    ) throws(AttestationError) -> VerifiedPeer {
        guard ReportTranscript.nonceByteCounts.contains(nonce.count) else {
            throw AttestationError(.invalidInput, "the nonce has \(nonce.count) bytes; expected 16 to 64")
        }
        var log = CheckLog()
        var claims = Claims()
        do throws(Rejection) {
            claims = try verifiedClaims(document, &log)
            PolicyAppraisal(policy: policy, isForPeer: true).check(claims, &log)
            try DocumentBinding(policy: policy, document: document, nonce: nonce).check(claims, &log)
        } catch {
            // The log has the failed check.
        }
        let verdict = Verdict(tee: document.tee, entries: log.entries, claims: claims, warnings: log.warnings)
        guard verdict.isAccepted else { throw AttestationError(rejected: verdict) }
        return VerifiedPeer(document, verdict)
    }

    private func verifiedClaims(_ document: EvidenceDocument, _ log: inout CheckLog) throws(Rejection) -> Claims {
        try log.require(
            .teeKind, policy.tee.contains(document.tee),
            otherwise: document.tee == .development ? .developmentNotAccepted : .wrongTEE,
            found: document.tee.rawValue, expected: policy.tee.map(\.rawValue).sorted().joined(separator: " or "))
        switch document.tee {
        case .development:
            return try DevelopmentVerification(policy: policy, acceptance: development)
                .claims(of: document.evidence, &log)
        case .sgx, .tdx, .snp, .nitro:
            throw log.reject(
                .evidenceFormat, .unsupportedFormat, found: document.tee.rawValue, expected: "development evidence")
        }
    }
}

/// A peer whose evidence passed every required check. Only ``Appraiser`` makes one, and only to one can be encrypted.
public struct VerifiedPeer: Sendable {
    /// How the peer was judged.
    public let verdict: Verdict
    /// The run of the enclave that made the keys.
    public let epoch: [UInt8]
    /// The exact bytes of the manifest that the enclave is bound to.
    public let manifest: [UInt8]
    /// An `application/ohttp-keys` list: the keys that only the verified enclave has.
    package let keyConfiguration: [UInt8]

    fileprivate init(_ document: EvidenceDocument, _ verdict: Verdict) {
        self.verdict = verdict
        self.epoch = document.epoch
        self.manifest = document.manifest
        self.keyConfiguration = document.keyConfiguration
    }
}
