// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import HostCore
import Synchronization
import Wire

/// Gives a model's evidence to any client, within limits: the enclave makes evidence on the thread that also answers
/// requests.
final class EvidenceDesk: Sendable {
    private let metrics: HostMetrics
    private let shares: Mutex<EvidenceShares>

    /// - Parameter limitsAddresses: Whether each address is limited to a share of the rate.
    init(metrics: HostMetrics, limitsAddresses: Bool) {
        self.metrics = metrics
        shares = Mutex(EvidenceShares(limitsAddresses: limitsAddresses, at: .now))
    }

    /// How long a client waits while evidence for others is made: clients behind one address may ask at the same time.
    private static let patience = Duration.seconds(2)
    private static let step = Duration.milliseconds(10)

    private func take(for address: ClientAddress, of replica: KeySlot) async throws(HostError) {
        let deadline = ContinuousClock.now + Self.patience
        while true {
            let (isTaken, isBusy) = shares.withLock { shares in
                (shares.take(for: address, of: replica, at: .now), shares.isBusy(for: address, of: replica))
            }
            if isTaken { return }
            guard isBusy, ContinuousClock.now < deadline, (try? await Task.sleep(for: Self.step)) != nil else { break }
        }
        metrics.countRefusal("overloaded")
        throw HostError(.overloaded, "too many ask for evidence; try again later")
    }

    /// Evidence of a replica over this nonce.
    ///
    /// - Throws: ``HostError``; `overloaded` over the limits.
    func evidence(
        nonce: [UInt8], of member: EnclavePool.Member, for address: ClientAddress
    ) async throws(HostError) -> EvidenceDocument {
        let replica = member.host.slot
        try await take(for: address, of: replica)
        defer { shares.withLock { $0.give(for: address, of: replica, at: .now) } }
        return try await member.host.evidence(nonce: nonce)
    }
}
