// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The state of a replica that can be read without waiting for it, and the requests that it holds.
final class ReplicaStanding: Sendable {
    private struct Value {
        var state = EnclaveHost.State.starting
        /// `nil` while no enclave process has the bundle.
        var connection: EnclaveConnection?
        /// Since when the enclave has owed an answer for too long.
        var silence: Duration?
        var hesitates = false
        var waiting = 0
    }

    private let value = Mutex(Value())

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

    /// Where to ask, and for how long the enclave there has been silent.
    var service: (connection: EnclaveConnection?, silence: Duration?) {
        value.withLock { ($0.connection, $0.silence) }
    }

    func become(_ state: EnclaveHost.State, connection: EnclaveConnection?, silence: Duration?) {
        // Released after the lock.
        _ = value.withLock { value in
            defer { (value.state, value.connection, value.silence) = (state, connection, silence) }
            return value.connection
        }
    }

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
