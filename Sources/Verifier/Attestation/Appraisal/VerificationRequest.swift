// SPDX-License-Identifier: Apache-2.0
package import Evidence

/// Evidence with everything that its verification needs. There is no clock and no network behind it.
package struct VerificationRequest: Sendable {
    /// The kind of TEE that the evidence is said to be of. Evidence of another kind is rejected.
    package let tee: TEEKind
    /// A quote, report or attestation document, byte for byte.
    package let evidence: [UInt8]
    /// Decoded, in the encodings that the verifier reads.
    package let collateral: [CollateralRole: [UInt8]]
    /// The time at which certificates and collateral have to be valid.
    package let time: Timestamp
    /// The certificates in which chains have to end.
    package let roots: TrustedRoots
    /// Collateral seen earlier, as in ``Claims/collateral``: older collateral is refused.
    package let seenBefore: [String: CollateralRecord]

    /// A request. Collateral may be in any encoding that vendors' tools write: DER, PEM, hexadecimal or base64.
    package init(
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
