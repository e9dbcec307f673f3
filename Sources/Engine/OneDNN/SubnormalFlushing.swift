// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

/// Whether threads flush subnormal numbers, that is, treat subnormal operands as zeros and write zeros for subnormal
/// results.
///
/// Arithmetic on subnormal numbers takes about a hundred times as long. A client can send such numbers, so every thread
/// that computes on its input uses this mode: FTZ and DAZ on x86, FZ and FZ16 on ARM. oneDNN's generated code does not
/// change the mode.
package enum SubnormalFlushing {
    /// Whether the calling thread flushes subnormals.
    package static var isOn: Bool { conednn_flushes() != 0 }

    /// Switches flushing on or off for the calling thread; its team uses the same mode.
    ///
    /// - Returns: The previous setting.
    @discardableResult
    package static func set(_ flushes: Bool) -> Bool { conednn_set_flush(flushes ? 1 : 0) != 0 }

    /// The number of threads of the calling thread's team that take part in a parallel region of this many threads, and
    /// how many of them flush. For tests.
    package static func team(of threads: Int) -> (threads: Int, flushing: Int) {
        var count: Int32 = 0
        let flushing = conednn_flushing_threads(Int32(clamping: max(1, threads)), &count)
        return (Int(count), Int(flushing))
    }
}
