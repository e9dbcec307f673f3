// SPDX-License-Identifier: Apache-2.0
public import Evidence

/// A client's requirements on evidence: the model's owner, the model, the code, the TEE and its state.
///
/// A policy is a JSON file, described by `Documentation/policy.schema.json`; unknown members are refused, because a
/// misspelt member would silently drop a check.
public struct Policy: Sendable, Hashable {
    /// The version of the file format that this build reads.
    public static let version = 2

    /// The kinds of TEE that are accepted.
    public var tee: Set<TEEKind>

    // The owner and the code of the enclave.

    /// The owner's Ed25519 key, 32 bytes, which the manifest has to name and whose signature it has to carry.
    public var ownerPublicKey: Requirement<[UInt8]> = .unstated
    /// SHA-256 of the manifest core.
    public var manifestDigest: Requirement<[UInt8]> = .unstated
    /// The Ed25519 key of the development TEE, 32 bytes.
    public var developmentKey: Requirement<[UInt8]> = .unstated
    /// Accepted values by the measurement's name. A name that the evidence's TEE does not have fails the check.
    public var measurements: Requirement<[String: Set<[UInt8]>]> = .unstated
    /// ISVPRODID of an SGX enclave.
    public var productID: Requirement<Int> = .unstated
    /// The minimum security versions by name.
    public var minimumTCB: Requirement<[String: Int]> = .unstated

    // The TEE's state. Absent members mean the strictest value.

    /// Statuses that are accepted besides `UpToDate`.
    public var tcbStatuses: Set<TCBStatus> = []
    /// Advisories that may apply.
    public var advisories: Requirement<Set<String>> = .unstated
    /// The minimum `tcbEvaluationDataNumber` of Intel's collateral.
    public var minimumEvaluationDataNumber: Requirement<Int> = .unstated
    /// Whether the host may inspect the TEE (debug mode), which then protects nothing.
    public var allowsDebug = false
    /// Whether the guest may be moved to another machine: SNP's migration agent, TDX's `MIGRATABLE` attribute.
    public var allowsMigration = false
    /// The highest accepted virtual machine privilege level of an SNP guest, 0 to 3; 0 is the most privileged.
    public var maximumVMPL: UInt32 = 0
    /// The required values of flags of guest and platform, by the names in ``Claims/flags``.
    public var flags: Requirement<[String: Bool]> = .unstated
    /// Mitigations that the platform has to have in place, by AMD's bits.
    public var mitigations: Requirement<MitigationDemand> = .unstated
    /// Whether AMD's revocation list may be missing, with a reason. A list that is given is always checked.
    public var revocationSkip: String?

    // The permitted processing of a picture. The enclave states these facts itself.

    /// Nothing crosses to the host: neither it nor the owner, nor both together, see a picture or its answer. `false` is no
    /// demand and cannot be required.
    public var everythingInside: Requirement<Bool> = .unstated
    /// The most bytes that cross to the host for one picture.
    public var maximumBoundaryBytes: Requirement<Int> = .unstated
    /// Bounds on the standard deviation of the noise on boundary tensors; no noise is 0.
    public var minimumSigma: Requirement<Double> = .unstated
    /// The upper bound; likewise.
    public var maximumSigma: Requirement<Double> = .unstated
    /// The enclave takes u8 pixels only, so that no client can feed chosen floats to the FrontNet.
    public var pixelsOnly: Requirement<Bool> = .unstated
    /// The longest lease that the owner may grant the enclave, in seconds.
    public var maximumLeaseSeconds: Requirement<Int> = .unstated
    /// Requirements on the assessment that the manifest records.
    public var assessment: Requirement<AssessmentDemand> = .unstated

    // The session.

    /// How old evidence that carries a time may be, in seconds.
    public var maximumAgeSeconds: Requirement<Int> = .unstated
    /// The nonce inside a Nitro document; a service's nonce is bound by the report data.
    public var nonce: Requirement<[UInt8]> = .unstated
    /// What evidence is bound to: its 64 bytes of report data, or the user data of a Nitro document. Only for saved evidence: a
    /// service binds its evidence to each session's nonce.
    public var reportData: Requirement<[UInt8]> = .unstated

    /// A policy that accepts these kinds of TEE and leaves everything else unstated.
    public init(tee: Set<TEEKind>) { self.tee = tee }
}

/// A policy's requirements on the assessment that a manifest records.
public struct AssessmentDemand: Sendable, Hashable {
    /// The gates that an assessment was judged by, from the weakest.
    public enum Gates: String, Sendable, Hashable, CaseIterable {
        case standard
        case strict
    }

    /// The assets of a picture that a cut can reveal.
    public enum Asset: String, Sendable, Hashable, CaseIterable {
        case appearance
        case identity
        case `class`
    }

    /// SHA-256 of `assessment.json`, 32 bytes; any if `nil`.
    public let digest: [UInt8]?
    /// The gates that the plan has to pass, or stricter ones. If `nil`, those of ``Gates/standard`` are demanded with
    /// `protects` or `attackerPictures`, and none with a digest alone. Custom gates never suffice.
    public let gates: Gates?

    /// The assets that the gates had to protect, at least; an empty set demands nothing.
    public let protects: Set<Asset>
    /// The minimum number of training pictures of the gates' attacker. If `nil`, 100,000 are demanded with `gates` or
    /// `protects`, as `assess` assumes by default, and none with a digest alone.
    public let attackerPictures: Int?

    /// - Returns: `nil` when nothing is named, since that demands nothing.
    public init?(
        digest: [UInt8]? = nil, gates: Gates? = nil, protects: Set<Asset> = [], attackerPictures: Int? = nil
    ) {
        guard digest != nil || gates != nil || !protects.isEmpty || attackerPictures != nil else { return nil }
        self.digest = digest
        self.gates = gates
        self.protects = protects
        self.attackerPictures = attackerPictures
    }

    /// What the plan has to have passed; `nil` if only a file is named, whose reader has judged it.
    ///
    /// Gates that the assessor chose can have any limits, and an attacker with one picture learns nothing. So a policy that
    /// names only some of these demands the others as `assess` has them by default.
    var passed: (gates: Gates, attackerPictures: Int)? {
        guard gates != nil || !protects.isEmpty || attackerPictures != nil else { return nil }
        return (gates ?? .standard, attackerPictures ?? 100_000)
    }
}
