// SPDX-License-Identifier: Apache-2.0
/// The claims of evidence about its TEE. They are unverified until the checks have passed.
public struct Claims: Sendable {
    /// A digest of code or configuration in the TEE.
    public struct Measurement: Sendable, Hashable {
        /// A name that policies use, such as `mrenclave`, `mrtd` or `pcr0`.
        public let name: String
        /// The bytes of the evidence's field; their number depends on the TEE and the field.
        public let value: [UInt8]
    }

    /// The measurements, in the order of the evidence.
    public internal(set) var measurements: [Measurement] = []
    /// 64 bytes for all but Nitro, where it is the document's user data; empty until the evidence was read.
    public internal(set) var reportData: [UInt8] = []
    /// Whether the host may inspect the TEE (debug mode).
    public internal(set) var isDebug = false
    /// Security versions by name, such as `isvsvn` or `ucode`, which a policy's `minimumTCB` refers to.
    public internal(set) var securityVersions: [String: Int] = [:]
    /// Those of ``securityVersions`` that only a policy judges: AMD publishes no list of platforms that are up to date.
    /// Empty for other TEEs.
    var platformVersions: [String] = []

    /// Intel only, as the next four.
    public internal(set) var tcbStatus: TCBStatus?
    /// The date on which the platform's security versions were current (`tcbDate`).
    public internal(set) var tcbDate: Timestamp?
    /// Intel's advisories that apply to the platform, such as `INTEL-SA-00837`.
    public internal(set) var advisories: [String] = []
    /// `tcbEvaluationDataNumber` of TCB info and QE identity.
    public internal(set) var evaluationDataNumbers: [Int] = []
    /// The date of every piece of collateral, by a name that includes its platform.
    public internal(set) var collateral: [String: CollateralRecord] = [:]

    /// SGX only.
    public internal(set) var productID: Int?
    /// SNP and TDX only: whether the guest may be moved to another machine.
    public internal(set) var isMigratable: Bool?
    /// SNP only, as the next.
    public internal(set) var vmpl: UInt32?
    /// Whether bit 17 of the guest policy is set, which AMD's specification requires.
    public internal(set) var hasReservedPolicyBit: Bool?
    /// SNP only, and reports of version 5: a bit for each mitigation, at launch and now.
    public internal(set) var launchMitigations: UInt64?
    /// The mitigations now.
    public internal(set) var currentMitigations: UInt64?
    /// SNP and TDX only: flags of guest and platform by the names that a policy's `flags` uses.
    public internal(set) var flags: [String: Bool] = [:]
    /// Nitro only: when the document was made.
    public internal(set) var timestamp: Timestamp?
    /// Nitro only: the nonce that the enclave put into its document.
    public internal(set) var nonce: [UInt8]?

    init() {}
}
