// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A bounded queue of work items and the threads that run them.
///
/// - Note: `@unchecked Sendable` because every access to the stored properties holds `lock`.
package final class WorkQueue: @unchecked Sendable {
    package typealias Work = @Sendable () -> Void

    /// Large enough for code that oneDNN generates and for recursion in C libraries.
    private static let stackBytes = 8 << 20

    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// Maximum number of work items that wait or run.
    private let limit: Int
    private var waiting: [Work] = []
    private var running = 0
    private var isClosed = false

    /// - Parameter capacity: Maximum number of work items that wait while all threads run others.
    package init(threads: Int, capacity: Int) {
        limit = max(1, threads) + max(0, capacity)
        pthread_mutex_init(lock, nil)
        pthread_cond_init(changed, nil)
        for _ in 0..<max(1, threads) { start() }
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(lock)
        changed.deallocate()
        lock.deallocate()
    }

    package enum Refusal: Sendable {
        case full
        case closed
    }

    /// Adds work, or returns why it is refused.
    package func submit(_ work: @escaping Work) -> Refusal? {
        let refusal: Refusal? = locked {
            if isClosed { return .closed }
            guard waiting.count + running < limit else { return .full }
            waiting.append(work)
            return nil
        }
        // Signalled after the lock is released, so that the woken thread need not wait for it.
        if refusal == nil { pthread_cond_signal(changed) }
        return refusal
    }

    /// Refuses new work. The threads end once no work waits.
    package func close() {
        locked {
            isClosed = true
            pthread_cond_broadcast(changed)
        }
    }

    private func start() {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, Self.stackBytes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        defer { pthread_attr_destroy(&attributes) }
        // The thread keeps the queue alive.
        let retained = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let queue = Unmanaged<WorkQueue>.fromOpaque(argument).takeRetainedValue()
                // Work items also compute outside of plans.
                FloatingPointMode.flushSubnormals()
                while let work = queue.next() {
                    work()
                    queue.finish()
                }
                return nil
            }, retained.toOpaque())
        if status != 0 { retained.release() }
    }

    /// Waits for work; `nil` when the queue is closed and empty.
    private func next() -> Work? {
        locked {
            while waiting.isEmpty {
                if isClosed { return nil }
                pthread_cond_wait(changed, lock)
            }
            running += 1
            return waiting.removeFirst()
        }
    }

    private func finish() { locked { running -= 1 } }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return body()
    }
}
