// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The features that this kernel reports, queried by the tests: a test that is skipped without a feature must not ask
/// the code under test.
package enum KernelFeatures {
    /// Of Landlock's interface (landlock_create_ruleset with LANDLOCK_CREATE_RULESET_VERSION); 0 without Landlock.
    package static let landlockVersion: Int = {
        // `syscall` takes any number of arguments, which Swift does not call; for so few it is the same call.
        typealias SystemCall = @convention(c) (Int, UnsafeRawPointer?, Int, Int) -> Int
        guard let symbol = dlsym(nil, "syscall") else { return 0 }
        return max(0, unsafeBitCast(symbol, to: SystemCall.self)(444, nil, 0, 1))
    }()

    /// Whether there are filters of system calls: PR_GET_SECCOMP, and the mode of filters.
    package static let hasSeccompFilters: Bool = {
        typealias Control = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
        guard let symbol = dlsym(nil, "prctl") else { return false }
        let control = unsafeBitCast(symbol, to: Control.self)
        guard control(getSeccomp, 0, 0, 0, 0) >= 0 else { return false }
        // Filters at no address are refused as that (EFAULT) where there are any.
        errno = 0
        return control(setSeccomp, filterMode, 0, 0, 0) == -1 && errno == EFAULT
    }()

    /// Linux 6.7 or later with both.
    package static var hasWholeSandbox: Bool { landlockVersion >= 4 && hasSeccompFilters }

    /// PR_GET_SECCOMP, PR_SET_SECCOMP, SECCOMP_MODE_FILTER.
    private static let (getSeccomp, setSeccomp, filterMode): (Int32, Int32, UInt) = (21, 22, 2)
}
