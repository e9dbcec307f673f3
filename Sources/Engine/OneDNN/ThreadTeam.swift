internal import COneDNN

/// The OpenMP team of the calling thread.
package enum ThreadTeam {
    /// Runs `body` with parallel regions of this many threads, the calling thread included. Primitives are made and
    /// executed under the same number.
    package static func using<Result, Failure: Error>(
        _ threads: Int, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let previous = conednn_threads()
        let wanted = Int32(clamping: max(1, threads))
        guard wanted != previous else { return try body() }
        conednn_set_threads(wanted)
        defer { conednn_set_threads(previous) }
        return try body()
    }
}
