// SPDX-License-Identifier: Apache-2.0
/// How long the owner lets an enclave serve, and how many requests at a time.
public struct ServiceTerms: Sendable, Hashable {
    /// Four years. Leases should be far shorter; this limit only keeps arithmetic within bounds.
    public static let maximumLeaseSeconds: UInt32 = 126_230_400
    /// Seven days suit an owner who renews by hand, once a week. A removed client or a stolen token is accepted for a
    /// week at most in an enclave that the host isolates from the owner.
    public static let defaultLeaseSeconds: UInt32 = 604_800

    /// Orders the owner's messages to one run of an enclave: a message counts only if its number is higher than that of
    /// every message before it.
    public let sequence: UInt64
    /// Counted by the enclave's clock from when it accepts the message. At the end the enclave wipes the model.
    public let leaseSeconds: UInt32
    /// Requests that are computed or wait for the BackNet at a time; more are refused.
    public let requestsInFlight: UInt32
    /// `nil` for no audit of the BackNet's results.
    public let audit: AuditTerms?

    /// Terms in the units of the members. Values out of range are refused when a provisioning message is encoded or
    /// decoded.
    public init(
        sequence: UInt64, leaseSeconds: UInt32 = Self.defaultLeaseSeconds, requestsInFlight: UInt32 = 64,
        audit: AuditTerms? = nil
    ) {
        self.sequence = sequence
        self.leaseSeconds = leaseSeconds
        self.requestsInFlight = requestsInFlight
        self.audit = audit
    }

    var isValid: Bool {
        sequence > 0 && (1...Self.maximumLeaseSeconds).contains(leaseSeconds) && requestsInFlight > 0
            && audit?.isValid ?? true
    }
}

/// A client that the enclave may serve, with its quotas.
public struct ClientGrant: Sendable, Hashable {
    static let byteCount = TokenDigest.byteCount + 8 + 4
    /// Of a lease of seven days: one picture a minute, day and night. Published inversions of intermediate
    /// representations train on tens of thousands of pairs of chosen pictures and their boundary tensors; a client that
    /// colludes with the host gets such a set in weeks instead of hours. It does not stop an attack that needs a few
    /// requests.
    public static let defaultRequests: UInt64 = 10_000
    /// 20 a second, for as long as a folder of pictures takes.
    public static let defaultRequestsPerMinute: UInt32 = 1200

    /// The digest of the client's access token.
    public let token: TokenDigest
    /// Requests in the lease for which the FrontNet runs; provisioning again resets the count.
    public let requests: UInt64
    /// The burst is equally large: this many requests may come at once, and then this many in each minute.
    public let requestsPerMinute: UInt32

    /// A grant. Both limits have to be positive, or the provisioning message is refused.
    public init(
        token: TokenDigest, requests: UInt64 = Self.defaultRequests,
        requestsPerMinute: UInt32 = Self.defaultRequestsPerMinute
    ) {
        self.token = token
        self.requests = requests
        self.requestsPerMinute = requestsPerMinute
    }

    var isValid: Bool { requests > 0 && requestsPerMinute > 0 }
}
