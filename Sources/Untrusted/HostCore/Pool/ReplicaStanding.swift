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

    /// The state of the enclave process, without that of the BackNet's engines.
    var state: EnclaveHost.State { value.withLock(\.state) }
    /// Admitted and unanswered requests.
    var waiting: Int { value.withLock(\.waiting) }
    var isReady: Bool { state == .ready }
    /// Whether there is a process that answers.
    var answers: Bool { [.ready, .unprovisioned, .stopping].contains(state) }
    /// Whether it computes admitted requests.
    var serves: Bool { [.ready, .stopping].contains(state) }
    /// Whether an answer takes longer than usual, so that another replica should be asked if there is one.
    var hesitates: Bool { value.withLock(\.hesitates) }

    func hesitates(_ hesitates: Bool) { value.withLock { $0.hesitates = hesitates } }

    /// The connection, and for how long the enclave has been silent.
    var service: (connection: EnclaveConnection?, silence: Duration?) {
        value.withLock { ($0.connection, $0.silence) }
    }

    func become(_ state: EnclaveHost.State, connection: EnclaveConnection?, silence: Duration?) {
        // Released after unlocking.
        _ = value.withLock { value in
            defer { (value.state, value.connection, value.silence) = (state, connection, silence) }
            return value.connection
        }
    }

    /// - Returns: Whether the number was below the limit and was increased; ``give()`` decreases it.
    func take(limit: Int) -> Bool {
        value.withLock { value in
            guard value.waiting < limit else { return false }
            value.waiting += 1
            return true
        }
    }

    func give() { value.withLock { $0.waiting -= 1 } }
}
