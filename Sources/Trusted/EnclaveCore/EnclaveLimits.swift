/// Bounds on what peers can make the enclave hold.
package struct EnclaveLimits: Sendable, Hashable {
    /// Bytes of one sealed part.
    package var partBytes: Int
    /// Requests that wait for the BackNet; one more makes the oldest go.
    package var requestsInFlight: Int
    /// Requests after which new channel keys are made and the memory of seen requests starts anew.
    package var requestsPerKey: Int

    package init(partBytes: Int = 1 << 30, requestsInFlight: Int = 64, requestsPerKey: Int = 100_000) {
        precondition(partBytes > 0 && requestsInFlight > 0 && requestsPerKey > 0, "a limit must be positive")
        self.partBytes = partBytes
        self.requestsInFlight = requestsInFlight
        self.requestsPerKey = requestsPerKey
    }
}
