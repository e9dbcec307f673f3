// SPDX-License-Identifier: Apache-2.0
import EngineMessages

/// Decides which replica gets the next request, and keeps the state of each. It has no clock and does no I/O.
struct ReplicaTable {
    struct Entry {
        /// Why it gets no requests; `nil` if it is healthy.
        var fault: EngineError?
        /// Whether it gave values that are not finite, which JSON does not have, or another invalid answer. A client's input
        /// can cause that, so the next check decides by a probe.
        var isSuspect = false
        /// Requests that it has not answered yet.
        var inFlight = 0
        /// The number of consecutive refusals.
        var refusalsInRow = 0
        /// The number of consecutive failed checks.
        var checksFailedInRow = 0
        /// The sequence number of its last request.
        var lastTurn = 0
        var answered = 0
        var failed = 0

        var isHealthy: Bool { fault == nil }
    }

    private(set) var entries: [Entry]
    private var turn = 0

    /// This many consecutive refusals mean a fault of the engine rather than of a request.
    static let toleratedRefusals = 2
    /// A busy engine may miss one health check.
    static let toleratedChecks = 1

    /// None is healthy before its first check.
    init(count: Int) {
        let unchecked = EngineError(.notReady, "it has not been checked yet", remedy: "wait a second")
        entries = [Entry](repeating: Entry(fault: unchecked), count: count)
    }

    var healthy: Int { entries.count { $0.isHealthy } }

    /// Picks the healthy replica with the fewest requests, among equals the one that has waited longest.
    ///
    /// - Parameters:
    ///   - tried: Those that failed this request already.
    ///   - again: The one of them that gets it again, healthy or not.
    mutating func begin(except tried: Set<Int>, again: Int? = nil) -> Int? {
        let next = entries.indices.filter { entries[$0].isHealthy && !tried.contains($0) }
            .min { (entries[$0].inFlight, entries[$0].lastTurn) < (entries[$1].inFlight, entries[$1].lastTurn) }
        guard let index = next ?? again else { return nil }
        turn += 1
        entries[index].inFlight += 1
        entries[index].lastTurn = turn
        return index
    }

    mutating func answered(_ index: Int) {
        entries[index].inFlight -= 1
        entries[index].refusalsInRow = 0
        entries[index].answered += 1
    }

    /// The caller abandoned the request, which does not affect the replica's health.
    mutating func abandoned(_ index: Int) { entries[index].inFlight -= 1 }

    /// - Returns: Whether it was healthy until now.
    mutating func failed(_ index: Int, _ error: EngineError) -> Bool {
        entries[index].inFlight -= 1
        entries[index].failed += 1
        if error.code == .notFinite || error.code == .malformedAnswer {
            entries[index].isSuspect = true
            return false
        }
        if error.code == .refused || error.code == .notReady || error.code == .tooLarge {
            entries[index].refusalsInRow += 1
            guard entries[index].refusalsInRow > Self.toleratedRefusals else { return false }
        }
        return markFaulty(index, error)
    }

    /// Records the result of a health check.
    ///
    /// - Parameter error: `nil` if it is healthy.
    /// - Returns: Whether the state changed.
    mutating func checked(_ index: Int, _ error: EngineError?) -> Bool {
        guard let error else {
            entries[index].checksFailedInRow = 0
            entries[index].isSuspect = false
            guard !entries[index].isHealthy else { return false }
            entries[index].fault = nil
            entries[index].refusalsInRow = 0
            return true
        }
        entries[index].checksFailedInRow += 1
        let isTolerable = ![.wrongAnswer, .notFinite, .unreachable].contains(error.code)
        guard !isTolerable || entries[index].checksFailedInRow > Self.toleratedChecks || !entries[index].isHealthy
        else { return false }
        return markFaulty(index, error)
    }

    /// A fault with another code is a change, too.
    private mutating func markFaulty(_ index: Int, _ error: EngineError) -> Bool {
        defer { entries[index].fault = error }
        return entries[index].fault?.code != error.code
    }
}
