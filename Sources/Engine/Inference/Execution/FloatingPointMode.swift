// SPDX-License-Identifier: Apache-2.0
import OneDNN

/// How a thread treats subnormal numbers (below 1.2e-38 in float32).
///
/// Plans flush subnormals to zero on each of their threads during compilation and runs, and restore the calling
/// thread's mode afterwards. A thread that computes on untrusted numbers between runs, as the enclave's threads do,
/// calls ``flushSubnormals()`` first. Then subnormal input cannot slow down any of its computations, and runs need not
/// switch the mode.
package enum FloatingPointMode {
    /// Makes the calling thread, and each thread that it creates from now on, treat subnormal operands as zeros and
    /// write zeros for subnormal results, in float32 and in double.
    package static func flushSubnormals() { SubnormalFlushing.set(true) }

    /// Whether the calling thread flushes subnormals.
    package static var flushesSubnormals: Bool { SubnormalFlushing.isOn }
}
