public import Attestation

/// Why a client got no answer.
public struct ClientError: Error, Sendable, CustomStringConvertible {
    public struct Code: Sendable, Hashable {
        public let name: String
        private init(_ name: String) { self.name = name }

        // The server or what is between.

        /// No connection, or it broke.
        public static let unreachable = Code("unreachable")
        /// The server answered with something else than its protocol allows.
        public static let invalidResponse = Code("invalidResponse")
        /// The server or the enclave refused; ``ClientError/refusal`` has its word.
        public static let refused = Code("refused")

        // The evidence.

        /// The evidence, or what it is bound to, was rejected; ``ClientError/verdict`` lists the checks.
        public static let attestationRejected = Code("attestationRejected")

        // What the caller gave.

        /// The input is not what the model takes.
        public static let invalidInput = Code("invalidInput")
        /// The owner did not list this access token.
        public static let unknownToken = Code("unknownToken")
        /// An address, a key or a number is not usable.
        public static let invalidConfiguration = Code("invalidConfiguration")
    }

    public let code: Code
    public let message: String
    public let remedy: String
    /// The server's word for a refusal, such as `notProvisioned`.
    public let refusal: String?
    public let verdict: Verdict?

    init(_ code: Code, _ message: String, remedy: String = "", refusal: String? = nil, verdict: Verdict? = nil) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.refusal = refusal
        self.verdict = verdict
    }

    public var description: String { message }

    /// Whether fresh evidence may help: the enclave was restarted or has new keys.
    public var asksForFreshEvidence: Bool {
        // Key identifiers are random bytes: after two changes of keys an old one may name a new key.
        ["unknownKey", "undecipherable", "wrongEpoch"].contains(refusal)
    }
}
