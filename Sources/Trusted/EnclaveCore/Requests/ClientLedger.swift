// SPDX-License-Identifier: Apache-2.0
import SealedChannel

/// The owner's list of clients, with what each has used of its quotas. No client can use up another's quota.
struct ClientLedger {
    private struct Usage {
        var requestsLeft: UInt64
        /// Requests that the client may send at once, refilled with time.
        var burst: Double
        var refilledAt: Duration
    }

    private let clients: [ClientGrant]
    private var usage: [Usage]

    /// - Parameter clients: By token, ascending, as ``ProvisioningMessage`` has them.
    init(_ clients: [ClientGrant], at now: Duration) {
        self.clients = clients
        usage = clients.map { client in
            Usage(requestsLeft: client.requests, burst: Double(client.requestsPerMinute), refilledAt: now)
        }
    }

    /// Looks a client up. The digest is looked up, not the token: without the token nobody can choose its digest, so
    /// the time of the lookup reveals nothing.
    ///
    /// - Returns: A number for ``charge(_:at:)``, or `nil` when the owner did not list the token.
    func client(_ token: AccessToken) -> Int? {
        let digest = token.digest
        var low = 0
        var high = clients.count
        while low < high {
            let middle = (low + high) / 2
            if clients[middle].token < digest { low = middle + 1 } else { high = middle }
        }
        if low < clients.count, clients[low].token == digest { return low }
        return Defence.clientList.isInPlace || clients.isEmpty ? nil : 0
    }

    /// Takes one request of a client from its quotas.
    ///
    /// - Throws: ``AnswerRefusal``: `overLimit` when its requests of the lease are used up, `tooManyRequests` when it sends
    ///   them faster than the owner allows. Then nothing is taken.
    mutating func charge(_ client: Int, at now: Duration) throws(AnswerRefusal) {
        var used = usage[client]
        let perMinute = Double(clients[client].requestsPerMinute)
        used.burst = min(perMinute, used.burst + perMinute * ((now - used.refilledAt) / .seconds(60)))
        used.refilledAt = now
        guard used.requestsLeft > 0 || !Defence.quota.isInPlace else { throw AnswerRefusal(.overLimit) }
        guard used.burst >= 1 else {
            usage[client] = used
            throw AnswerRefusal(.tooManyRequests)
        }
        used.requestsLeft -= min(1, used.requestsLeft)
        used.burst -= 1
        usage[client] = used
    }
}
