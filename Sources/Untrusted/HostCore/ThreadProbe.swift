// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Checks whether the server's threads can be started. Libraries end the process if one of their threads cannot be
/// started; a check beforehand gives an error message instead.
package enum ThreadProbe {
    /// Starts this many threads at once, and ends them.
    ///
    /// - Throws: ``HostError`` `resourceExhausted` when one cannot be started.
    package static func require(_ count: Int) throws(HostError) {
        var threads: [pthread_t] = []
        var lock = pthread_mutex_t()
        pthread_mutex_init(&lock, nil)
        defer { pthread_mutex_destroy(&lock) }
        let failure = withUnsafeMutablePointer(to: &lock) { lock in
            pthread_mutex_lock(lock)
            var failure: Int32 = 0
            while threads.count < count, failure == 0 {
                var thread = pthread_t()
                failure = pthread_create(
                    &thread, nil,
                    { argument in
                        // Each thread lives until all are started.
                        guard let lock = argument?.assumingMemoryBound(to: pthread_mutex_t.self) else { return nil }
                        pthread_mutex_lock(lock)
                        pthread_mutex_unlock(lock)
                        return nil
                    }, lock)
                if failure == 0 { threads.append(thread) }
            }
            pthread_mutex_unlock(lock)
            for thread in threads { pthread_join(thread, nil) }
            return failure
        }
        guard failure == 0 else {
            throw HostError(
                .resourceExhausted,
                "only \(threads.count) of \(count) threads can be started (\(String(cString: strerror(failure)))): too little memory or too few processes are allowed; raise `ulimit -v` or `ulimit -u` (LimitAS, TasksMax)"
            )
        }
    }
}
