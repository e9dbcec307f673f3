/// How OpenMP's threads wait between primitives.
package enum OpenMPEnvironment {
    /// Executables that run plans call this first thing in `main`: idle threads must sleep, not spin, and libgomp reads
    /// that choice from the environment when it is loaded. So the first call replaces the process by itself with the
    /// choice in its environment; descriptors stay open.
    package static func prepare() {}
}
