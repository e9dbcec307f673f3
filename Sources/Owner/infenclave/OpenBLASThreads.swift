// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The waiting behaviour of OpenBLAS's threads, which the assessment uses.
enum OpenBLASThreads {
    /// Executables that link OpenBLAS call this first in `main`. OpenBLAS starts its threads when it is loaded, before
    /// `main`, and lets them spin for 2^26 cycles after each product; 2^20 cycles are a fraction of a millisecond. It
    /// reads the number from the environment. So the first call sets it and re-executes the process; arguments and
    /// descriptors stay the same.
    ///
    /// A number that is already in the environment is kept. If the process cannot be re-executed, it continues.
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
