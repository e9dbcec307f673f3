// SPDX-License-Identifier: Apache-2.0
import SealedChannel

/// The requests in computation, by the host's identifier.
struct RequestsUnderWay {
    struct Request {
        /// Seals its answer.
        let sealer: ResponseSealer
        let arrival: Duration
        let ticket: Ticket
    }

    private var requests: [UInt64: Request] = [:]
    /// Computations that were started and have not returned, including those of abandoned requests.
    private(set) var running = 0
    /// The running computations that are the first of their request.
    private(set) var runningFirst = 0

    var count: Int { requests.count }

    func contains(_ requestID: UInt64) -> Bool { requests[requestID] != nil }

    mutating func begin(
        _ requestID: UInt64, isFirst: Bool, sealer: ResponseSealer, arrival: Duration
    ) -> Ticket {
        let ticket = Ticket(isFirst: isFirst)
        requests[requestID] = Request(sealer: sealer, arrival: arrival, ticket: ticket)
        running += 1
        if isFirst { runningFirst += 1 }
        return ticket
    }

    /// Notes that a computation has returned.
    ///
    /// - Returns: The request that waits for it; `nil` if it was answered or abandoned meanwhile, even if its
    ///   identifier is in use again.
    mutating func end(_ computed: Computed) -> Request? {
        running -= 1
        if computed.ticket.isFirst { runningFirst -= 1 }
        guard let request = requests[computed.requestID], request.ticket === computed.ticket else { return nil }
        return requests.removeValue(forKey: computed.requestID)
    }

    /// Abandons a request: the result of its computation will be dropped.
    mutating func remove(_ requestID: UInt64) -> Request? {
        let request = requests.removeValue(forKey: requestID)
        request?.ticket.end()
        return request
    }

    /// Abandons all requests, in ascending order of their identifiers.
    mutating func removeAll() -> [(requestID: UInt64, sealer: ResponseSealer)] {
        defer { requests = [:] }
        for request in requests.values { request.ticket.end() }
        return requests.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sealer) }
    }
}
