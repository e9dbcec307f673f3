/// How an enclave uses its processors.
package struct EnclaveWorkers: Sendable, Hashable {
    /// Requests that are computed at a time. With one, the thread that reads and writes frames computes.
    package let count: Int
    /// Threads of one inference.
    package let threads: Int

    package init(count: Int = 1, threads: Int = 1) {
        precondition(count > 0 && threads > 0, "an enclave without threads")
        self.count = count
        self.threads = threads
    }

    /// Requests that are computed or wait for it, at most: a worker that is done finds the next one opened. With one worker
    /// the socket is the queue.
    var capacity: Int { count == 1 ? Int.max : 2 * count }
}
