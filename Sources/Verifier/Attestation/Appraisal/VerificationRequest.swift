package import Evidence

/// Evidence with everything that its verification needs. There is no clock and no network behind it.
package struct VerificationRequest: Sendable {
    package let tee: TEEKind
    /// A quote, report or attestation document, byte for byte.
    package let evidence: [UInt8]
    /// In the encodings that are read here, whatever they were handed out in.
    package let collateral: [CollateralRole: [UInt8]]
    /// The time at which certificates and collateral have to be valid.
    package let time: Timestamp
    package let roots: TrustedRoots
    /// Collateral seen earlier, as ``Claims/collateral`` gave it: what is older is refused.
    package let seenBefore: [String: CollateralRecord]

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
