internal import COneDNN

/// Whether threads flush subnormal numbers: take them as zeros, and make zeros of results that would be subnormal.
///
/// A processor computes with a subnormal number a hundred times as long as with another. Whoever sends pictures chooses
/// such numbers, so nothing that computes on them may be without this mode: x86's FTZ and DAZ, ARM's FZ and FZ16.
/// Generated code of oneDNN leaves the mode as it finds it.
package enum SubnormalFlushing {
    /// Whether the calling thread does.
    package static var isOn: Bool { conednn_flushes() != 0 }

    /// Has the calling thread do so from now on, or no longer; its team computes in its mode.
    ///
    /// - Returns: Whether it did before.
    @discardableResult
    package static func set(_ flushes: Bool) -> Bool { conednn_set_flush(flushes ? 1 : 0) != 0 }

    /// Looks at the team of the calling thread, in a parallel region of this many threads: how many took part, and
    /// how many of them flush. For tests.
    package static func team(of threads: Int) -> (threads: Int, flushing: Int) {
        var count: Int32 = 0
        let flushing = conednn_flushing_threads(Int32(clamping: max(1, threads)), &count)
        return (Int(count), Int(flushing))
    }
}
