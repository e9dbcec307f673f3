import SealedChannel
import Tensors

/// A request that waits for the BackNet.
struct PendingRequest {
    /// Seals its answer.
    let sealer: ResponseSealer
    /// What the FrontNet made and the mapping unit takes, by the values' names. It never leaves the enclave.
    let retained: [String: Tensor]
}

/// The requests that wait for the BackNet: at most a fixed number, so that a host that never answers cannot fill the
/// enclave's memory.
struct PendingRequests {
    private var requests: [UInt64: (arrival: UInt64, request: PendingRequest)] = [:]
    private var arrivals: UInt64 = 0
    private let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    var count: Int { requests.count }

    func contains(_ requestID: UInt64) -> Bool { requests[requestID] != nil }

    /// Adds a request whose identifier is not in use.
    ///
    /// - Returns: The identifier of the oldest request, if that had to go.
    mutating func insert(_ request: PendingRequest, requestID: UInt64) -> UInt64? {
        var evicted: UInt64?
        if requests.count >= capacity {
            evicted = requests.min { $0.value.arrival < $1.value.arrival }?.key
            if let evicted { requests[evicted] = nil }
        }
        requests[requestID] = (arrivals, request)
        arrivals += 1
        return evicted
    }

    mutating func remove(_ requestID: UInt64) -> PendingRequest? { requests.removeValue(forKey: requestID)?.request }
}
