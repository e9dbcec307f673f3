// SPDX-License-Identifier: Apache-2.0
/// Why the `Attestation` module gives no verified peer.
public struct AttestationError: Error, Sendable, CustomStringConvertible {
    /// A stable, open set of error codes.
    public struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// The evidence, or what it should be bound to, failed a check; ``AttestationError/verdict`` lists all checks.
        public static let rejected = Code("rejected")
        /// The policy is not valid, or does not say enough for the call.
        public static let invalidPolicy = Code("invalidPolicy")
        /// Another argument of the caller is not valid: a time, a nonce, a root, a file.
        public static let invalidInput = Code("invalidInput")
    }

    /// The kind of error.
    public let code: Code
    /// The found value, the expected value, and the remedy, in one line.
    public let message: String
    /// Every check in order, for ``Code/rejected``.
    public let verdict: Verdict?

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
        self.verdict = nil
    }

    init(rejected verdict: Verdict) {
        self.code = .rejected
        self.message = verdict.summary
        self.verdict = verdict
    }

    /// The message.
    public var description: String { message }
}
