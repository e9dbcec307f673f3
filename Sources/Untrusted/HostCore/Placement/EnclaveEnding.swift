// SPDX-License-Identifier: Apache-2.0
import Glibc

/// How an enclave process ended, for the log.
package enum EnclaveEnding: Sendable, Hashable {
    case exited(status: Int32)
    case killed(signal: Int32)
    /// The host killed it, because it did not end in time.
    case killedByHost
    /// An enclave that had connected closed its connection, or its machine ended.
    case disconnected
    /// An enclave that had connected started again over the same connection.
    case restarted
    /// The reason is not known.
    case unknown

    /// - Parameter status: As `waitpid` gives it.
    package init(waitStatus status: Int32) {
        let signal = status & 0x7F
        self = signal == 0 ? .exited(status: (status >> 8) & 0xFF) : .killed(signal: signal)
    }

    /// What happened, and where to look.
    package var description: String {
        switch self {
        case .exited(status: 0): "ended by itself"
        case .exited(status: 70):
            "exited with status 70: its thread was stalled while a lease or key was due; look at the machine's load"
        case .exited(let status): "exited with status \(status)"
        case .killed(signal: SIGKILL):
            "was killed by signal 9, not by this host; if nobody did, the kernel had no memory left (dmesg)"
        case .killed(signal: SIGSYS):
            "was killed by signal 31: it made a system call that its sandbox forbids, which is a defect of it or an intruder in it"
        case .killed(let signal): "was killed by signal \(signal) (\(String(cString: strsignal(signal))))"
        case .killedByHost: "was killed by this host, because it did not end when it was told to"
        case .disconnected: "closed its connection: the enclave or its machine ended"
        case .restarted: "began anew: its machine restarted"
        case .unknown: "ended"
        }
    }
}
