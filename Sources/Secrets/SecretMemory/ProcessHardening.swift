// SPDX-License-Identifier: Apache-2.0
internal import CSecretMemory
internal import Glibc

/// Initial hardening of a process that holds secrets.
package enum ProcessHardening {
    /// Forbids core files, and attaching to this process by others of the same user (`PR_SET_DUMPABLE` 0,
    /// `RLIMIT_CORE` 0). Root can still read the memory: only a TEE can stop that.
    ///
    /// - Parameter platformDoes: Whether the platform itself forbids dumps, so that a kernel without the call will do.
    ///   Gramine has none, and the memory of an SGX enclave is encrypted.
    /// - Throws: ``SecretMemoryError`` when the kernel refuses; the caller must not go on.
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
