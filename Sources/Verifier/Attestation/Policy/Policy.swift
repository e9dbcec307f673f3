public import Evidence

/// What a client demands of evidence: who owns the model, which model, which code, in which TEE, in what state.
///
/// A policy is a JSON file, `{"version":1,"tee":["development"],"ownerPublicKey":hex,…}`; members that are not known
/// are refused, because a misspelt one would be a check less.
public struct Policy: Sendable, Hashable {
    public static let version = 1

    /// The kinds of TEE that are accepted.
    public let tee: Set<TEEKind>
    /// The owner's Ed25519 key, 32 bytes, which the manifest has to name and whose signature it has to carry.
    public let ownerPublicKey: Requirement<[UInt8]>
    /// SHA-256 of the manifest.
    public let manifestDigest: Requirement<[UInt8]>
    /// The Ed25519 key of the development TEE, 32 bytes.
    public let developmentKey: Requirement<[UInt8]>
    /// Accepted values by the measurement's name. A name that the evidence's TEE does not have fails the check.
    public let measurements: Requirement<[String: Set<[UInt8]>]>

    public init(
        tee: Set<TEEKind>, ownerPublicKey: Requirement<[UInt8]> = .unstated,
        manifestDigest: Requirement<[UInt8]> = .unstated, developmentKey: Requirement<[UInt8]> = .unstated,
        measurements: Requirement<[String: Set<[UInt8]>]> = .unstated
    ) {
        self.tee = tee
        self.ownerPublicKey = ownerPublicKey
        self.manifestDigest = manifestDigest
        self.developmentKey = developmentKey
        self.measurements = measurements
    }
}
