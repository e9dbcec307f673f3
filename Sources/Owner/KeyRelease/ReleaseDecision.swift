// SPDX-License-Identifier: Apache-2.0
package import Evidence

/// Decides whether a run of an enclave gets a message with the model key, from its evidence and previous messages.
package enum ReleaseDecision: Sendable, Hashable {
    /// The run needs no message.
    case nothing
    case release(LogEntry.Cause)
    /// Nothing shows that the enclave accepted the last message: the same bytes are sent again.
    case sendAgain

    /// - Parameters:
    ///   - state: The state in the verified evidence.
    ///   - last: The last message for this run.
    ///   - now: Seconds since 1970.
    ///   - renewsAt: Remaining seconds of a lease at which it is renewed.
    ///   - clientsChanged: Whether the client list has changed since the last message for this run.
    package init(
        _ state: EnclaveFacts.State, last: ReleaseLedger.Message?, now: Double, renewsAt: UInt32, clientsChanged: Bool
    ) {
        switch state {
        case .unprovisioned:
            // A run is unprovisioned only once, so it never gets two messages.
            self = last == nil ? .release(.unprovisioned) : .sendAgain
        case .provisioned(let lease, _):
            // A later message from another provisioner, or from the owner by hand, counts as well.
            guard let last, lease.sequence < last.sequence else {
                self =
                    lease.secondsLeft <= renewsAt
                    ? .release(.lease) : clientsChanged && last != nil ? .release(.clients) : .nothing
                return
            }
            self = .sendAgain
        case .leaseEnded:
            // If the lease of the last message can have ended since, the message was accepted. Otherwise nothing is
            // known about it.
            guard let last, now < last.time + Double(last.leaseSeconds) else {
                self = .release(.lease)
                return
            }
            self = .sendAgain
        }
    }
}
