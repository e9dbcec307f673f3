// SPDX-License-Identifier: Apache-2.0
/// Bounds on what peers can make the enclave hold, and on how long it holds its keys.
package struct EnclaveLimits: Sendable, Hashable {
    /// Bytes of one sealed part.
    package var partBytes: Int
    /// Requests that are computed or wait for the BackNet; one more is refused.
    package var requestsInFlight: Int
    /// Requests after which there are new channel keys.
    package var requestsPerKey: Int
    /// Age at which there are new channel keys.
    package var keyLifetime: Duration
    /// How long replaced channel keys still open requests, for those in transit when the keys changed.
    package var keyGrace: Duration

    package init(
        partBytes: Int = 1 << 33, requestsInFlight: Int = 64, requestsPerKey: Int = 100_000,
        keyLifetime: Duration = .seconds(3600), keyGrace: Duration = .seconds(60)
    ) {
        precondition(partBytes > 0 && requestsInFlight > 0 && requestsPerKey > 0, "a limit must be positive")
        precondition(keyLifetime > .zero && keyGrace >= .zero, "a time must not be negative")
        self.partBytes = partBytes
        self.requestsInFlight = requestsInFlight
        self.requestsPerKey = requestsPerKey
        self.keyLifetime = keyLifetime
        self.keyGrace = keyGrace
    }
}
