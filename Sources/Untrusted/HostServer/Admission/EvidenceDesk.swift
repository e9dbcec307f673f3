import BundleFormat
import Evidence
import HostCore
import Synchronization

/// Evidence for whoever asks, within limits: the enclave makes it on the one thread that also answers requests.
final class EvidenceDesk: Sendable {
    private let host: EnclaveHost
    private let waiting = Slots(8)
    /// A quote takes the enclave milliseconds to tens of milliseconds: twenty a second leave most of its time to
    /// requests.
    private let rate = Mutex(TokenBucket(perSecond: 20, burst: 40, at: .now))

    init(host: EnclaveHost) { self.host = host }

    /// Evidence over this nonce.
    ///
    /// - Throws: ``HostError``; `overloaded` over the limits.
    func evidence(nonce: [UInt8]) async throws(HostError) -> EvidenceDocument {
        guard waiting.take() else { throw overloaded() }
        defer { waiting.give() }
        guard rate.withLock({ $0.take(at: .now) }) else { throw overloaded() }
        return try await host.evidence(nonce: nonce)
    }

    private func overloaded() -> HostError {
        host.metrics.countRefusal("overloaded")
        return HostError(.overloaded, "too many ask for evidence; try again later")
    }
}
