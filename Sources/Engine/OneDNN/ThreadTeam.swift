internal import COneDNN

/// The OpenMP team of the calling thread.
package enum ThreadTeam {
    /// Runs `body` with parallel regions of this many threads, the calling thread included. Primitives are made and
    /// executed under the same number.
    ///
    /// - Parameter flushesSubnormals: Whether all of these threads flush, see ``SubnormalFlushing``. The calling thread is
    ///   afterwards as it was before. Where it flushed before, its team is known and nothing is done but a look at its
    ///   mode; where not, threads that do not flush may have been made since, so each call is a parallel region more.
    package static func using<Result, Failure: Error>(
        _ threads: Int, flushesSubnormals: Bool = true, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let previous = conednn_threads()
        let wanted = Int32(clamping: max(1, threads))
        if wanted != previous { conednn_set_threads(wanted) }
        defer { if wanted != previous { conednn_set_threads(previous) } }
        guard flushesSubnormals else { return try body() }
        let flushed = SubnormalFlushing.set(true)
        defer { if !flushed { SubnormalFlushing.set(false) } }
        conednn_flush_team(wanted)
        return try body()
    }
}
