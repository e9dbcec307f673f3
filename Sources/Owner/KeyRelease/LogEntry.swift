// SPDX-License-Identifier: Apache-2.0
import SealedChannel

/// One line of a keyholder's log: a decision, its reason, and the digest of the previous line.
package struct LogEntry: Codable, Sendable, Hashable {
    package enum Event: String, Codable, Sendable {
        /// A keyholder started.
        case started
        /// A policy is in force from this entry on.
        case policy
        /// A message with the model key was encrypted. It is sent only after this line is on disk.
        case release
        /// The same message was sent again, since nothing showed that it had arrived.
        case repeated
        /// The server confirmed that the enclave accepted the message.
        case delivered
        /// The server did not confirm it. The enclave may have accepted it nevertheless.
        case undelivered
        /// Nothing was released.
        case refusal
    }

    /// The reason for a message.
    package enum Cause: String, Codable, Sendable {
        /// The run of the enclave was not provisioned yet.
        case unprovisioned
        /// The lease is about to end, or has ended.
        case lease
        /// The client list changed.
        case clients
    }

    /// Counts since the enclave's process started.
    package struct Audit: Codable, Sendable, Hashable {
        /// Results of the host, those of them that the enclave computed again, and the wrong ones among these.
        package let results, audited, wrong: UInt64
        /// Requests for which the enclave no longer asked the host.
        package let withoutHost: UInt64

        init(_ statistics: AuditStatistics) {
            (results, audited) = (statistics.results, statistics.audited)
            (wrong, withoutHost) = (statistics.mismatches, statistics.withoutHost)
        }
    }

    /// Entry number, from 1.
    package var number = 0
    /// Seconds since 1970, with milliseconds.
    package var time: Double
    package var event: Event
    package var server: String?
    /// The epoch of the enclave's run, hexadecimal.
    package var epoch: String?
    /// SHA-256 of the manifest core.
    package var manifestDigest: String?
    package var cause: Cause?
    /// The sequence number of the provisioning message, or of the policy's signature.
    package var sequence: UInt64?
    package var leaseSeconds: UInt32?
    package var clients: Int?
    /// SHA-256 over the digests of the clients' tokens and their quotas.
    package var clientList: String?
    /// SHA-256 of the encrypted message.
    package var message: String?
    /// What the enclave's audit had found before this message.
    package var audit: Audit?
    /// SHA-256 of the policy in force.
    package var policy: String?
    /// A stable identifier for programs.
    package var code: String?
    /// The reason in words.
    package var reason: String?
    /// SHA-256 of the previous line without its line break; zeros in the first.
    package var previous = String(repeating: "0", count: 64)

    package init(_ event: Event, time: Double) {
        self.event = event
        self.time = (time * 1000).rounded() / 1000
    }
}
