import OneDNN

/// How a thread treats subnormal numbers (below 1.2e-38 in float32).
///
/// Plans flush them on each of their threads, while they are compiled and run, and leave the calling thread as it was. A
/// thread that computes on a stranger's numbers between runs, as the enclave's does, calls ``flushSubnormals()`` first
/// thing: then nothing that it computes takes longer for them, and runs have nothing to switch.
package enum FloatingPointMode {
    /// Has the calling thread, and each thread that it makes from now on, take subnormal operands as zeros and make zeros
    /// of subnormal results, in float32 and in double.
    package static func flushSubnormals() { SubnormalFlushing.set(true) }

    /// Whether the calling thread does.
    package static var flushesSubnormals: Bool { SubnormalFlushing.isOn }
}
