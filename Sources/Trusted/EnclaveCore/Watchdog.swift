// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization

/// Checks from a separate thread that the enclave's thread meets its deadlines. Otherwise a host that stalls that
/// thread could keep a model, or a key, in memory indefinitely.
package final class Watchdog: Sendable {
    /// For how many consecutive seconds a deadline must have passed: longer than an inference or the decryption of a
    /// model takes, and short compared with a lease. They are counted while this process runs, so that a suspended
    /// machine does not end it.
    package static let tolerance = 60

    private let clock: EnclaveClock
    private let deadline = Mutex(Duration.seconds(Int64.max / 4))
    private let lateLooks = Mutex(0)
    private let onStall: @Sendable () -> Void

    /// - Parameter onStall: Called when a deadline has been exceeded for ``tolerance`` seconds. By default it ends the
    ///   process, and the kernel reclaims the memory.
    package init(clock: EnclaveClock = .bootTime, onStall: @escaping @Sendable () -> Void = { _exit(70) }) {
        self.clock = clock
        self.onStall = onStall
    }

    /// The thread must call this again by `deadline` of the enclave's clock.
    package func expect(progressBy deadline: Duration) { self.deadline.withLock { $0 = deadline } }

    /// Checks the clock; called once a second.
    ///
    /// - Returns: Whether the thread was late at the last ``tolerance`` checks.
    package func isStalledAtThisLook() -> Bool {
        lateLooks.withLock { count in
            count = deadline.withLock { $0 } < clock.now() ? count + 1 : 0
            return count >= Self.tolerance
        }
    }

    /// Checks once a second until the process ends.
    package func start() {
        var thread = pthread_t()
        let watch = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let watchdog = Unmanaged<Watchdog>.fromOpaque(argument).takeRetainedValue()
                while !watchdog.isStalledAtThisLook() { sleep(1) }
                watchdog.onStall()
                return nil
            }, watch.toOpaque())
        // The enclave must not serve without the watchdog.
        guard status == 0 else {
            watch.release()
            return onStall()
        }
        pthread_detach(thread)
    }
}
