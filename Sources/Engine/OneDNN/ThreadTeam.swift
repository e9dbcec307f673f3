// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

/// The threads that compute the calling thread's parallel regions. The calling thread is one of them. The others spin
/// between primitives and sleep between plans.
package enum ThreadTeam {
    /// Runs `body`, which is one plan, with parallel regions of this many threads. Primitives must be created and
    /// executed with the same number of threads.
    ///
    /// - Parameter flushesSubnormals: Whether the calling thread flushes subnormals: ``SubnormalFlushing``. The other
    ///   threads use its mode in each region. The previous mode is restored afterwards.
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

    /// Measures the calling thread's parallel regions while `body` runs; `body` reads the times by ``measured()``.
    package static func measuring<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        conednn_measure(1)
        defer { conednn_measure(0) }
        return try body()
    }

    /// Processor times since the last call, or since measuring began: of the calling thread outside of parallel
    /// regions; of the longest share of each region, summed over the regions; and of all shares of all regions. Other
    /// work on the same cores does not count.
    package static func measured() -> (serial: Duration, longest: Duration, shares: Duration) {
        let times = conednn_measured()
        return (.nanoseconds(times.serial), .nanoseconds(times.longest), .nanoseconds(times.shares))
    }
}
