internal import COneDNN

/// The threads that compute the parallel regions of the calling thread, which is one of them. They spin between primitives
/// and sleep between plans.
package enum ThreadTeam {
    /// Runs `body`, one plan, with parallel regions of this many threads. Primitives are made and executed under the same
    /// number.
    ///
    /// - Parameter flushesSubnormals: Whether the calling thread flushes, see ``SubnormalFlushing``; the others do in each
    ///   region as it does. It is afterwards as it was before.
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
}
