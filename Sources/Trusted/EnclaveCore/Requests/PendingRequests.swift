// SPDX-License-Identifier: Apache-2.0
import SealedChannel
import Tensors

/// A request that waits for the BackNet.
struct PendingRequest {
    /// Seals its answer.
    let sealer: ResponseSealer
    /// The FrontNet's results that the mapping unit takes, by value name. They never leave the enclave.
    let retained: [String: Tensor]
    let arrival: Duration
    /// The boundary tensors, if the host's result will be recomputed. The host is not told.
    let audited: [Tensor]?
}

/// The requests that wait for the BackNet: at most a fixed number, so that a host that never answers cannot fill the
/// enclave's memory. When there is no room the newest is refused, before anything is computed for it.
struct PendingRequests {
    private var requests: [UInt64: PendingRequest] = [:]
    /// A smaller limit does not remove requests that already wait.
    var capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    var count: Int { requests.count }
    var isFull: Bool { requests.count >= capacity }

    subscript(_ requestID: UInt64) -> PendingRequest? { requests[requestID] }

    /// Adds a request whose identifier is not in use, if there is room.
    mutating func insert(_ request: PendingRequest, requestID: UInt64) { requests[requestID] = request }

    mutating func remove(_ requestID: UInt64) { requests[requestID] = nil }

    /// Removes requests that arrived at `time` or before, in ascending order of their identifiers.
    mutating func remove(arrivedBy time: Duration) -> [(requestID: UInt64, request: PendingRequest)] {
        // Fast path: nearly always no request is old.
        guard requests.contains(where: { $0.value.arrival <= time }) else { return [] }
        let old = requests.filter { $0.value.arrival <= time }
        for requestID in old.keys { requests[requestID] = nil }
        return old.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Removes all, in ascending order of their identifiers.
    mutating func removeAll() -> [(requestID: UInt64, request: PendingRequest)] {
        defer { requests = [:] }
        return requests.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
