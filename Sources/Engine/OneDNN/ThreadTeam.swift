// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

/// The threads that compute the parallel regions of the calling thread, which is one of them. They spin between
/// primitives and sleep between plans.
package enum ThreadTeam {
    /// Runs `body`, one plan, with parallel regions of this many threads. Primitives must be created and executed with
    /// the same number of threads.
    ///
    /// - Parameter flushesSubnormals: Whether the calling thread flushes, see ``SubnormalFlushing``; the other threads
    ///   use its mode in each region. The previous mode is restored afterwards.
    package static func using<Result, Failure: Error>(
        _ threads: Int, flushesSubnormals: Bool = true, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let previous = conednn_threads()
        let wanted = Int32(clamping: max(1, threads))
        if wanted != previous { conednn_set_threads(wanted) }
        defer { if wanted != previous { conednn_set_threads(previous) } }
        conednn_begin_plan(wanted)
        defer { conednn_end_plan(wanted) }
        guard flushesSubnormals else { return try body() }
        let flushed = SubnormalFlushing.set(true)
        defer { if !flushed { SubnormalFlushing.set(false) } }
        return try body()
    }

    /// Runs `body` while the calling thread's parallel regions are measured; ``measured()`` gives the times.
    package static func measuring<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        conednn_measure(1)
        defer { conednn_measure(0) }
        return try body()
    }

    /// Processor time since the last call, or since measuring began: of the calling thread outside of parallel regions,
    /// of the longest share of each region, and of all shares, each added up. A share is timed by itself, whichever
    /// core computes it and whatever else runs there.
    package static func measured() -> (serial: Duration, longest: Duration, shares: Duration) {
        let times = conednn_measured()
        return (.nanoseconds(times.serial), .nanoseconds(times.longest), .nanoseconds(times.shares))
    }
}
