import Foundation

/// How OpenBLAS's threads wait, which the assessment uses.
enum OpenBLASThreads {
    /// Executables that link OpenBLAS call this first thing in `main`. It starts its threads when it is loaded, before `main`,
    /// and lets them spin for 2^26 cycles after each product; 2^20 are a fraction of a millisecond. It reads that from the
    /// environment: so the first call replaces the process by itself with the choice in its environment. Arguments and
    /// descriptors stay as they are.
    ///
    /// A choice that is already in the environment is respected. If the process cannot be replaced, it goes on.
    static func prepare() {
        guard getenv(variable) == nil else { return }
        setenv(variable, "20", 1)
        // By its path, so that the process keeps its name.
        var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let length = readlink("/proc/self/exe", &path, path.count - 1)
        if length > 0 { execv(path, CommandLine.unsafeArgv) }
        execv("/proc/self/exe", CommandLine.unsafeArgv)
    }

    private static let variable = "OPENBLAS_THREAD_TIMEOUT"
}
