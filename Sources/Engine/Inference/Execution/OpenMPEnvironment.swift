import Glibc

/// How OpenMP's threads wait between primitives.
package enum OpenMPEnvironment {
    /// Executables that run plans call this first thing in `main`. Idle threads must sleep, not spin, and libgomp reads
    /// that choice from the environment when it is loaded, which is before `main`: so the first call replaces the
    /// process by itself with the choice in its environment. Arguments and descriptors stay as they are.
    ///
    /// A choice that is already in the environment is respected. If the process cannot be replaced, it goes on.
    package static func prepare() {
        guard getenv("OMP_WAIT_POLICY") == nil, getenv("GOMP_SPINCOUNT") == nil else { return }
        setenv(waiting.name, waiting.value, 1)
        // OpenBLAS, where a program has it, starts its threads when it is loaded and lets them spin for 2^26 cycles; 2^20
        // are a fraction of a millisecond.
        setenv("OPENBLAS_THREAD_TIMEOUT", "20", 0)
        // By its path, so that the process keeps its name.
        var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let length = readlink("/proc/self/exe", &path, path.count - 1)
        if length > 0 { execv(path, CommandLine.unsafeArgv) }
        execv("/proc/self/exe", CommandLine.unsafeArgv)
    }

    /// The choice that is made where there is none, for a process that is started with an environment of its own.
    package static var variable: String { "\(waiting.name)=\(waiting.value)" }

    /// Bridges the gap from one primitive to the next, some ten microseconds; after the last one a thread spins for a
    /// twentieth of a millisecond more. Longer spins help a process that has the cores to itself, and cost several times as much
    /// as they save where others want them.
    private static let waiting = (name: "GOMP_SPINCOUNT", value: "2000")
}
