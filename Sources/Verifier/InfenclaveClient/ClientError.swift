// SPDX-License-Identifier: Apache-2.0
public import Attestation

/// Why a client got no answer.
///
/// A program switches over ``code``, and over ``refusal`` where it is `.refused`:
///
/// ```swift
/// catch let error as ClientError {
///     switch error.code {
///     case .attestationRejected: show(error.verdict)
///     case .refused where error.refusal == .overLimit: askForMore()
///     default: report(error.message, error.remedy)
///     }
/// }
/// ```
public struct ClientError: Error, Sendable, CustomStringConvertible {
    /// A stable, open set of error codes.
    public struct Code: Sendable, Hashable {
        /// The code's name, such as `unreachable`.
        public let name: String
        private init(_ name: String) { self.name = name }

        // The server, or the connection to it.

        /// No connection, or it broke.
        public static let unreachable = Code("unreachable")
        /// No answer in time.
        public static let timedOut = Code("timedOut")
        /// The server's answer violates the protocol.
        public static let invalidResponse = Code("invalidResponse")
        /// The server or the enclave refused; ``ClientError/refusal`` has the code.
        public static let refused = Code("refused")

        // The evidence.

        /// The evidence, or the data that it binds, was rejected; ``ClientError/verdict`` lists the checks.
        public static let attestationRejected = Code("attestationRejected")

        // The caller's arguments.

        /// The model does not accept the input.
        public static let invalidInput = Code("invalidInput")
        /// The owner did not list this access token, or the client has none.
        public static let unknownToken = Code("unknownToken")
        /// An address, a key or a number cannot be used.
        public static let invalidConfiguration = Code("invalidConfiguration")
        /// The file of a ``CollateralHistory`` cannot be read or written.
        public static let unusableFile = Code("file")
    }

    /// The kind of error.
    public let code: Code
    /// What happened, in one line. It holds no input, result, class name or key.
    public let message: String
    /// The remedy, in one line; may be empty.
    public let remedy: String
    /// The code of a refusal.
    public let refusal: Refusal?
    /// The verdict on the evidence, if it was appraised.
    public let verdict: Verdict?
    /// Whether the same call may succeed in a moment and is safe to repeat: no input was accepted, or the request
    /// changes nothing.
    public let isRetryable: Bool
    /// The time after which the server suggests another attempt.
    public let retryAfter: Duration?
    /// Whether a kept connection broke before any part of an answer arrived.
    let isStale: Bool

    package init(
        _ code: Code, _ message: String, remedy: String = "", refusal: Refusal? = nil, verdict: Verdict? = nil,
        isRetryable: Bool = false, retryAfter: Duration? = nil
    ) {
        self.init(
            code, message, remedy: remedy, refusal: refusal, verdict: verdict, isRetryable: isRetryable,
            retryAfter: retryAfter, isStale: false)
    }

    init(
        _ code: Code, _ message: String, remedy: String = "", refusal: Refusal? = nil, verdict: Verdict? = nil,
        isRetryable: Bool = false, retryAfter: Duration? = nil, isStale: Bool
    ) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.refusal = refusal
        self.verdict = verdict
        self.isRetryable = isRetryable
        self.retryAfter = retryAfter
        self.isStale = isStale
    }

    /// The message.
    public var description: String { message }

    /// Whether the message was refused because the receiver lacks its key.
    var isOfUnknownKey: Bool { [.unknownKey, .undecipherable].contains(refusal) }

    /// Whether fresh evidence may help: the enclave was restarted, has new keys, or a new lease.
    package var asksForFreshEvidence: Bool {
        // `undecipherable` too: key identifiers are random bytes, so after two changes of keys an old identifier may
        // belong to a new key.
        [.unknownKey, .undecipherable, .wrongEpoch, .leaseEnded, .notProvisioned].contains(refusal)
    }
}
