// SPDX-License-Identifier: Apache-2.0
public import Evidence

/// Evidence with everything that its verification needs. There is no clock and no network behind it.
public struct VerificationRequest: Sendable {
    /// The kind of TEE that the evidence is said to be of. Evidence of another kind is rejected.
    public let tee: TEEKind
    /// A quote, report or attestation document, byte for byte.
    public let evidence: [UInt8]
    /// Decoded, in the encodings that the verifier reads.
    public let collateral: [CollateralRole: [UInt8]]
    /// The time at which certificates and collateral have to be valid.
    public let time: Timestamp
    /// The certificates in which chains have to end.
    public let roots: TrustedRoots
    /// Collateral seen earlier, as in ``Claims/collateral``: older collateral is refused.
    public let seenBefore: [String: CollateralRecord]

    /// A request.
    ///
    /// - Parameters:
    ///   - tee: The kind of TEE that the evidence is said to be of.
    ///   - evidence: A quote, report or attestation document, byte for byte.
    ///   - collateral: What the vendor publishes, by its role, in any encoding that vendors' tools write: DER, PEM,
    ///     hexadecimal or base64.
    ///   - time: The time at which certificates and collateral have to be valid.
    ///   - roots: The certificates in which chains have to end.
    ///   - seenBefore: Collateral seen earlier, as in ``Claims/collateral``.
    public init(
        tee: TEEKind, evidence: [UInt8], collateral: [CollateralRole: [UInt8]] = [:], at time: Timestamp,
        roots: TrustedRoots = .vendors, seenBefore: [String: CollateralRecord] = [:]
    ) {
        self.tee = tee
        self.evidence = evidence
        self.collateral = CollateralEncoding.plain(collateral)
        self.time = time
        self.roots = roots
        self.seenBefore = seenBefore
    }
}
