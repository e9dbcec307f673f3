public import Evidence

/// Evidence with everything that its verification needs. There is no clock and no network behind it.
public struct VerificationRequest: Sendable {
    public let tee: TEEKind
    /// A quote, report or attestation document, byte for byte.
    public let evidence: [UInt8]
    /// In the encodings that are read here, whatever they were handed out in.
    public let collateral: [CollateralRole: [UInt8]]
    /// The time at which certificates and collateral have to be valid.
    public let time: Timestamp
    public let roots: TrustedRoots
    /// Collateral seen earlier, as ``Claims/collateral`` gave it: what is older is refused.
    public let seenBefore: [String: CollateralRecord]

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
