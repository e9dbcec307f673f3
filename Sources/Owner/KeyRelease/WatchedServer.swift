// SPDX-License-Identifier: Apache-2.0
package import Attestation
package import InfenclaveClient

/// A server whose enclaves a keyholder provisions. What it reports is untrusted until its evidence was verified.
package struct WatchedServer: Sendable {
    package let url: String
    /// Whether the server reports that this enclave serves, and the number of its enclaves.
    package let saysReady: @Sendable (ReplicaPlace) async throws -> (isReady: Bool, replicas: ReplicaCount)
    /// Fetches fresh evidence of this enclave and appraises it.
    package let attest: @Sendable (Policy, ReplicaPlace) async throws -> EnclaveSession

    package init(
        url: String,
        saysReady: @escaping @Sendable (ReplicaPlace) async throws -> (isReady: Bool, replicas: ReplicaCount),
        attest: @escaping @Sendable (Policy, ReplicaPlace) async throws -> EnclaveSession
    ) {
        (self.url, self.saysReady, self.attest) = (url, saysReady, attest)
    }
}
