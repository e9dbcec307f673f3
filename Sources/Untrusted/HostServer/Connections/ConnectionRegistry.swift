// SPDX-License-Identifier: Apache-2.0
import HostCore
import NIOCore
import Synchronization

/// The connections of one listener and the memory of their bodies. Connections are on several event loops. All
/// decisions are made under one lock, so that a connection with a complete request is not evicted while its client
/// reads.
final class ConnectionRegistry: Sendable {
    typealias Identifier = ConnectionTable.Identifier

    /// The event sent to a connection's pipeline when its body was dropped for lack of room.
    struct BodyGivenUp: Sendable {}

    private struct State {
        var table: ConnectionTable
        var budgets: [Intake.Budget: BodyBudget]
        /// The connections with a body in memory.
        var budgetOf: [Identifier: Intake.Budget] = [:]
        var channels: [Identifier: any Channel] = [:]
        var identifiers: [ObjectIdentifier: Identifier] = [:]
        /// What to do when a connection closes before its answer is sent.
        var abandonments: [ObjectIdentifier: @Sendable () -> Void] = [:]
        /// The peak of the bodies' bytes since the allocator last returned free memory.
        var mostBodyBytes = 0

        var bodyBytes: Int { budgets.values.reduce(0) { $0 + $1.used } }

        mutating func releaseBody(_ identifier: Identifier) {
            guard let budget = budgetOf.removeValue(forKey: identifier) else { return }
            budgets[budget]?.release(identifier)
            if mostBodyBytes >= ConnectionRegistry.muchBodyMemory, bodyBytes == 0 {
                mostBodyBytes = 0
                HostMemory.trimSoon()
            }
        }

        /// - Returns: The connection's channel.
        mutating func forget(_ identifier: Identifier) -> (any Channel)? {
            releaseBody(identifier)
            table.close(identifier)
            guard let channel = channels.removeValue(forKey: identifier) else { return nil }
            identifiers[ObjectIdentifier(channel)] = nil
            return channel
        }
    }

    /// The bodies of normal load stay below this, so that memory is trimmed only after an attack or a burst.
    private static let muchBodyMemory = 8 << 20

    private let state: Mutex<State>
    private let metrics: ServerMetrics
    private let limit: Int

    init(connections: ConnectionTable.Limits, limits: ServerLimits, metrics: ServerMetrics) {
        self.metrics = metrics
        limit = connections.total
        let budgets: [Intake.Budget: BodyBudget] = [
            .requests: BodyBudget(
                capacity: max(limits.requestMemory, limits.requestBytes), grace: limits.receptionGrace),
            .provisioning: BodyBudget(
                capacity: max(limits.provisioningMemory, limits.provisioningBytes), grace: limits.receptionGrace),
        ]
        state = Mutex(State(table: ConnectionTable(connections), budgets: budgets))
    }

    /// The metrics as text.
    var metricsText: MetricsText {
        let (connections, stalled, bytes) = state.withLock { ($0.table.count, $0.table.stalledCount, $0.bodyBytes) }
        return metrics.text(connections: connections, limit: limit, stalled: stalled, bodyBytes: bytes)
    }

    /// Sets what to do when this connection closes; `nil` for nothing.
    func onClose(of channel: any Channel, _ abandon: (@Sendable () -> Void)?) {
        let key = ObjectIdentifier(channel)
        state.withLock { $0.abandonments[key] = abandon }
        // It may have closed before the function was set.
        guard abandon != nil, !channel.isActive else { return }
        state.withLock { $0.abandonments.removeValue(forKey: key) }?()
    }

    /// Enters a new connection, for which another one may be evicted.
    ///
    /// - Returns: `nil` if there is no room.
    func open(_ channel: any Channel, at now: ContinuousClock.Instant) -> Identifier? {
        let address = ClientAddress(channel.remoteAddress)
        let (identifier, evicted) = state.withLock { state -> (Identifier?, (any Channel)?) in
            guard let opening = state.table.open(from: address, at: now) else { return (nil, nil) }
            state.channels[opening.identifier] = channel
            state.identifiers[ObjectIdentifier(channel)] = opening.identifier
            return (opening.identifier, opening.evicted.flatMap { state.forget($0) })
        }
        if identifier == nil { metrics.countTurnedAway() }
        if let evicted {
            metrics.countEviction()
            evicted.close(promise: nil)
        }
        return identifier
    }

    func beginBody(_ identifier: Identifier, _ budget: Intake.Budget, at now: ContinuousClock.Instant) {
        state.withLock { state in
            state.releaseBody(identifier)
            state.budgets[budget]?.begin(identifier, at: now)
            state.budgetOf[identifier] = budget
        }
    }

    /// Charges arrived bytes of a body.
    ///
    /// - Returns: `false` if there is no room: the body is dropped.
    func take(_ bytes: Int, for identifier: Identifier, at now: ContinuousClock.Instant) -> Bool {
        let (isGranted, others) = state.withLock { state -> (Bool, [any Channel]) in
            guard let budget = state.budgetOf[identifier],
                let givenUp = state.budgets[budget]?.take(bytes, for: identifier, at: now)
            else { return (false, []) }
            state.mostBodyBytes = max(state.mostBodyBytes, state.bodyBytes)
            for victim in givenUp { state.budgetOf[victim] = nil }
            return (
                !givenUp.contains(identifier),
                givenUp.filter { $0 != identifier }.compactMap { state.channels[$0] }
            )
        }
        for channel in others { channel.pipeline.fireUserInboundEventTriggered(BodyGivenUp()) }
        return isGranted
    }

    /// Marks a request as complete: from now on it is not dropped, and its connection is not evicted, before it is
    /// answered, as long as the client reads.
    ///
    /// - Parameter hasBody: Whether ``beginBody(_:_:at:)`` was called for it.
    /// - Returns: `false` if it was dropped before.
    func beginAnswer(_ identifier: Identifier, hasBody: Bool) -> Bool {
        state.withLock { state in
            if hasBody {
                guard let budget = state.budgetOf[identifier], state.budgets[budget]?.complete(identifier) == true
                else { return false }
            }
            return state.table.beginAnswer(identifier)
        }
    }

    /// The answer to this channel's request is ready, so that the body's memory is released even if the client is slow
    /// to read.
    func answerIsReady(on channel: any Channel) {
        state.withLock { state in
            guard let identifier = state.identifiers[ObjectIdentifier(channel)] else { return }
            state.releaseBody(identifier)
        }
    }

    /// The client does not read what is sent to it, or reads again.
    func setStalled(_ identifier: Identifier, _ isStalled: Bool) {
        state.withLock { $0.table.setStalled(identifier, isStalled) }
    }

    /// A connection is closed because its client did not read.
    func countUnread() { metrics.countUnread() }

    /// The answer was sent.
    func completed(_ identifier: Identifier, at now: ContinuousClock.Instant) {
        state.withLock { state in
            state.releaseBody(identifier)
            state.table.completed(identifier, at: now)
        }
    }

    /// The connection is not read any more.
    func closing(_ identifier: Identifier) {
        state.withLock { state in
            state.releaseBody(identifier)
            state.table.closing(identifier)
        }
    }

    /// It is closed.
    func close(_ identifier: Identifier, _ channel: any Channel) {
        let abandon = state.withLock { state in
            _ = state.forget(identifier)
            return state.abandonments.removeValue(forKey: ObjectIdentifier(channel))
        }
        abandon?()
    }
}
