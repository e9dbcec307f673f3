package import Attestation
package import InfenclaveClient

/// A server whose enclave a keyholder looks after. What it says is worth nothing until its evidence was verified.
package struct WatchedServer: Sendable {
    package let url: String
    /// Whether the server says that its enclave serves.
    package let saysReady: @Sendable () async throws -> Bool
    /// Fetches fresh evidence and appraises it.
    package let attest: @Sendable (Policy) async throws -> EnclaveSession

    package init(
        url: String, saysReady: @escaping @Sendable () async throws -> Bool,
        attest: @escaping @Sendable (Policy) async throws -> EnclaveSession
    ) {
        (self.url, self.saysReady, self.attest) = (url, saysReady, attest)
    }
}
