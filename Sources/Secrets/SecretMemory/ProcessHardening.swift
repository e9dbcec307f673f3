// SPDX-License-Identifier: Apache-2.0
internal import CSecretMemory
internal import Glibc

/// Initial hardening of a process that holds secrets.
package enum ProcessHardening {
    /// Disables core files, and prevents other processes of the same user from attaching (`PR_SET_DUMPABLE` 0,
    /// `RLIMIT_CORE` 0). Root can still read the memory: only a TEE can stop that.
    ///
    /// - Parameter platformDoes: Whether the platform itself prevents dumps, so that a kernel without the call is
    ///   accepted. Gramine lacks the call, and the memory of an SGX enclave is encrypted.
    /// - Throws: ``SecretMemoryError`` when the kernel refuses; the caller must not continue.
    package static func forbidDumps(unlessPlatformDoes platformDoes: Bool = false) throws(SecretMemoryError) {
        let code = csecret_forbid_dumps()
        if platformDoes, code == ENOSYS { return }
        guard code == 0 else {
            throw SecretMemoryError(.refusedByKernel, "core dumps could not be disabled (error \(code))")
        }
    }

    /// Whether the kernel would dump this process, or let another of the same user attach to it.
    package static var isDumpable: Bool { csecret_is_dumpable() != 0 }
}
