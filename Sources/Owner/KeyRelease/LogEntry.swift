/// One line of a keyholder's log: what it decided, why, and the digest of the line before.
package struct LogEntry: Codable, Sendable, Hashable {
    package enum Event: String, Codable, Sendable {
        /// A keyholder began to work.
        case started
        /// A policy is in force from here on.
        case policy
        /// A message with the model key was sealed; it was not sent before this line was on the disk.
        case release
        /// The same message was sent again, as nothing showed that it had arrived.
        case repeated
        /// The server said that the enclave took the message.
        case delivered
        /// The server did not say so. The enclave may have it all the same.
        case undelivered
        /// Nothing was released.
        case refusal
    }

    /// Why a message was made.
    package enum Cause: String, Codable, Sendable {
        /// The run of the enclave had none.
        case unprovisioned
        /// The lease ends, or has ended.
        case lease
        /// The clients changed.
        case clients
    }

    /// Counts from 1.
    package var number = 0
    /// Seconds since 1970, with milliseconds.
    package var time: Double
    package var event: Event
    package var server: String?
    /// Of the enclave's run, hexadecimal.
    package var epoch: String?
    /// SHA-256 of the manifest core.
    package var manifestDigest: String?
    package var cause: Cause?
    /// Of the provisioning message, or of the policy's signature.
    package var sequence: UInt64?
    package var leaseSeconds: UInt32?
    package var clients: Int?
    /// SHA-256 of the clients' tokens' digests and quotas.
    package var clientList: String?
    /// SHA-256 of the sealed message.
    package var message: String?
    /// SHA-256 of the policy in force.
    package var policy: String?
    /// A word for programs.
    package var code: String?
    /// The same in words.
    package var reason: String?
    /// SHA-256 of the line before, without its end; zeros in the first.
    package var previous = String(repeating: "0", count: 64)

    package init(_ event: Event, time: Double) {
        self.event = event
        self.time = (time * 1000).rounded() / 1000
    }
}
