public import Evidence

/// Evidence with everything that its verification needs. There is no clock and no network behind it.
public struct VerificationRequest: Sendable {
    public let tee: TEEKind
    /// A quote, report or attestation document, byte for byte.
    public let evidence: [UInt8]
    public let collateral: [CollateralRole: [UInt8]]
    /// The time at which certificates and collateral have to be valid.
    public let time: Timestamp
    public let roots: TrustedRoots
    /// Dates of collateral seen earlier, as ``Claims/collateralDates`` gave them: what is older is refused.
    public let seenBefore: [String: Timestamp]

    public init(
        tee: TEEKind, evidence: [UInt8], collateral: [CollateralRole: [UInt8]] = [:], at time: Timestamp,
        roots: TrustedRoots = .vendors, seenBefore: [String: Timestamp] = [:]
    ) {
        self.tee = tee
        self.evidence = evidence
        self.collateral = collateral
        self.time = time
        self.roots = roots
        self.seenBefore = seenBefore
    }
}
