// SPDX-License-Identifier: Apache-2.0
/// The releases according to the log: the last message for each run of an enclave, and the number of releases in the
/// last hour.
package struct ReleaseLedger: Sendable {
    /// The last message for a run.
    package struct Message: Sendable, Hashable {
        package let sequence: UInt64
        /// Seconds since 1970.
        package let time: Double
        package let leaseSeconds: UInt32
        package let cause: LogEntry.Cause
        package let digest: String
        package let clientList: String
        /// Whether the server confirmed that the enclave accepted it.
        package fileprivate(set) var isDelivered = false
    }

    package private(set) var messages: [String: Message] = [:]
    /// Times of releases.
    private var times: [Double] = []
    package private(set) var highestSequence: UInt64 = 0
    /// The policy that was last in force.
    package private(set) var policy: (digest: String, sequence: UInt64)?

    package init() {}

    /// Adds an entry of the log.
    package mutating func take(_ entry: LogEntry) {
        switch entry.event {
        case .policy:
            if let digest = entry.policy, let sequence = entry.sequence { policy = (digest, sequence) }
        case .release:
            times.append(entry.time)
            guard let epoch = entry.epoch, let sequence = entry.sequence, let digest = entry.message else { return }
            highestSequence = max(highestSequence, sequence)
            messages[epoch] = Message(
                sequence: sequence, time: entry.time, leaseSeconds: entry.leaseSeconds ?? 0,
                cause: entry.cause ?? .unprovisioned, digest: digest, clientList: entry.clientList ?? "")
        case .delivered:
            guard let epoch = entry.epoch, messages[epoch]?.digest == entry.message else { return }
            messages[epoch]?.isDelivered = true
        case .started, .repeated, .undelivered, .refusal: break
        }
    }

    /// The digests of messages for runs that were encrypted since then.
    func digests(since time: Double) -> Set<String> {
        Set(messages.values.filter { $0.time >= time }.map(\.digest))
    }

    /// Number of messages encrypted in the hour before. Setting the clock back does not reduce it.
    package func releases(inTheHourBefore now: Double) -> Int { times.count { $0 > now - 3600 } }
}
