// SPDX-License-Identifier: Apache-2.0
/// What a client did, for logs and metrics: see ``ClientOptions/observer``. It holds no input, result, class name or key.
public struct ClientEvent: Sendable, CustomStringConvertible {
    /// A stable, open set of kinds.
    public struct Kind: Sendable, Hashable, CustomStringConvertible {
        /// The kind's name, such as `attestation`.
        public let description: String
        private init(_ description: String) { self.description = description }

        /// Evidence was fetched and judged, or could not be fetched.
        public static let attestation = Kind("attestation")
        /// A tensor was sealed, sent and answered, or not.
        public static let classification = Kind("classification")
        /// Another attempt follows ``ClientEvent/duration`` later, because of ``ClientEvent/failure``.
        public static let retry = Kind("retry")
    }

    /// What was done.
    public let kind: Kind
    /// The address, without secrets.
    public let server: String
    /// How long it took; for ``Kind/retry``, the pause before the next attempt.
    public let duration: Duration
    /// `nil` for success.
    public let failure: ClientError?

    /// One line for a log.
    public var description: String {
        "\(kind) at \(server): "
            + (failure.map { "\($0.refusal?.rawValue ?? $0.code.name), \($0.message)" } ?? "done") + " (\(duration))"
    }
}

/// Optional settings of a client.
public struct ClientOptions: Sendable {
    /// How often, and after which pauses, a request is tried again.
    public var retries = RetryPolicy()
    /// An enclave is attested again before a request when its evidence is older. This detects what a vendor or an owner
    /// has revoked in the meantime.
    public var maximumSessionAge: Duration = .seconds(3600)
    /// Called for each event, on any thread, before the call that caused the event returns. It should not block.
    public var observer: (@Sendable (ClientEvent) -> Void)?

    /// The default options.
    public init() {}
}
