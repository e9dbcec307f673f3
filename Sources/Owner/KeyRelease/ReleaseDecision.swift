package import Evidence

/// Whether a run of an enclave gets a message with the model key, from what its evidence says and what it got before.
package enum ReleaseDecision: Sendable, Hashable {
    /// It has what it needs.
    case nothing
    case release(LogEntry.Cause)
    /// Nothing shows that the enclave took the last message: the same bytes are sent again, and no other.
    case sendAgain

    /// - Parameters:
    ///   - state: As the verified evidence says.
    ///   - last: The last message for this run.
    ///   - now: Seconds since 1970.
    ///   - renewsAt: Seconds of a lease that are left when it is renewed.
    ///   - clientsChanged: Since the last message for this run.
    package init(
        _ state: EnclaveFacts.State, last: ReleaseLedger.Message?, now: Double, renewsAt: UInt32, clientsChanged: Bool
    ) {
        switch state {
        case .unprovisioned:
            // A run is unprovisioned once: it never gets two.
            self = last == nil ? .release(.unprovisioned) : .sendAgain
        case .provisioned(let lease, _):
            // What another provisioner, or the owner by hand, sent later counts as well.
            guard let last, lease.sequence < last.sequence else {
                self =
                    lease.secondsLeft <= renewsAt
                    ? .release(.lease) : clientsChanged && last != nil ? .release(.clients) : .nothing
                return
            }
            self = .sendAgain
        case .leaseEnded:
            // A message whose own lease can have ended since was taken; of another one nothing is known.
            guard let last, now < last.time + Double(last.leaseSeconds) else {
                self = .release(.lease)
                return
            }
            self = .sendAgain
        }
    }
}
