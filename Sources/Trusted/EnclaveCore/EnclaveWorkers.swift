/// How an enclave uses its processors.
package struct EnclaveWorkers: Sendable, Hashable {
    /// Requests that are computed at a time. With one, the thread that reads and writes frames computes.
    package let count: Int
    /// Threads of one inference.
    package let threads: Int
    /// Threads of an inference that begins while no other is computed: what it takes then, nobody else wants.
    package let threadsAlone: Int

    /// - Parameter threadsAlone: `nil` for as many as at any time.
    package init(count: Int = 1, threads: Int = 1, threadsAlone: Int? = nil) {
        precondition(count > 0 && threads > 0 && threadsAlone ?? 1 > 0, "an enclave without threads")
        self.count = count
        self.threads = threads
        self.threadsAlone = threadsAlone ?? threads
    }

    /// The number of the copy of the plans for an inference that begins alone; the others are below ``count``.
    var alone: Int? { count > 1 && threadsAlone != threads ? count : nil }

    /// Requests that are computed or wait for it, at most: a worker that is done finds the next one opened. With one worker
    /// the socket is the queue.
    var capacity: Int { count == 1 ? Int.max : 2 * count }
}
