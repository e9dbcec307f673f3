import Synchronization

/// The state of a replica that can be read without waiting for it, and the requests that it holds.
final class ReplicaStanding: Sendable {
    private let value = Mutex((state: EnclaveHost.State.starting, hesitates: false, waiting: 0))

    /// Of the enclave process; whether engines run is not in it.
    var state: EnclaveHost.State { value.withLock(\.state) }
    /// Requests that are admitted and not answered.
    var waiting: Int { value.withLock(\.waiting) }
    var isReady: Bool { state == .ready }
    /// Whether there is a process that answers.
    var answers: Bool { [.ready, .unprovisioned, .stopping].contains(state) }
    /// Whether requests that are admitted to it are computed.
    var serves: Bool { [.ready, .stopping].contains(state) }
    /// Whether it owes an answer for longer than usual, so that another one should be asked if there is one.
    var hesitates: Bool { value.withLock(\.hesitates) }

    func hesitates(_ hesitates: Bool) { value.withLock { $0.hesitates = hesitates } }

    func become(_ state: EnclaveHost.State) { value.withLock { $0.state = state } }

    /// - Returns: Whether there was room below the limit; ``give()`` gives it back.
    func take(limit: Int) -> Bool {
        value.withLock { value in
            guard value.waiting < limit else { return false }
            value.waiting += 1
            return true
        }
    }

    func give() { value.withLock { $0.waiting -= 1 } }
}
