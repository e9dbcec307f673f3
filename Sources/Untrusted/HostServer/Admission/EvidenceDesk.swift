import BundleFormat
import HostCore
import Synchronization

/// Evidence for whoever asks, within limits: the enclave makes it on the one thread that also answers requests.
final class EvidenceDesk: Sendable {
    private let host: EnclaveHost
    private let shares: Mutex<EvidenceShares>

    /// - Parameter limitsAddresses: Whether one address has a share of its own only.
    init(host: EnclaveHost, limitsAddresses: Bool) {
        self.host = host
        shares = Mutex(EvidenceShares(limitsAddresses: limitsAddresses, at: .now))
    }

    /// Evidence over this nonce.
    ///
    /// - Throws: ``HostError``; `overloaded` over the limits.
    func evidence(nonce: [UInt8], for address: ClientAddress) async throws(HostError) -> EvidenceDocument {
        guard shares.withLock({ $0.take(for: address, at: .now) }) else {
            host.metrics.countRefusal("overloaded")
            throw HostError(.overloaded, "too many ask for evidence; try again later")
        }
        defer { shares.withLock { $0.give(for: address, at: .now) } }
        return try await host.evidence(nonce: nonce)
    }
}
