// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Processes sealed requests of a model, from admission to answer. Its place in the pool is released once, whether it
/// is answered, refused, late, or abandoned.
package struct RequestPipeline: Sendable {
    /// The replica that will answer.
    package struct Place: Sendable {
        package let pool: EnclavePool
        let member: EnclavePool.Member
        /// The deadline: after it the request is refused.
        let deadline: ContinuousClock.Instant
        let start: ContinuousClock.Instant
    }

    private typealias Outcome = Result<[UInt8], HostError>

    private let model: ServedModel
    /// The time from the complete request to its answer.
    private let timeout: Duration
    private let deadlines = RequestDeadlines()

    package init(_ model: ServedModel, timeout: Duration) { (self.model, self.timeout) = (model, timeout) }

    /// Selects the replica for a request and admits the request there.
    ///
    /// - Parameters:
    ///   - keyIdentifier: The first byte of the message; `nil` for an empty one.
    ///   - start: When the request was complete.
    /// - Returns: The place; the caller must pass it to ``answer(_:at:trace:on:whenAbandoned:)``.
    /// - Throws: ``HostError``, as ``ServedModel/member(forKey:)`` and ``EnclavePool/admit(to:)``.
    package func admit(
        forKey keyIdentifier: UInt8?, since start: ContinuousClock.Instant = .now
    ) throws(HostError) -> Place {
        let (pool, member) = try model.member(forKey: keyIdentifier)
        try pool.admit(to: member)
        return Place(pool: pool, member: member, deadline: start + timeout, start: start)
    }

    /// Answers the request and releases its place. At the deadline its client gets an error at once; the place is
    /// released when no work on the request remains.
    ///
    /// - Parameters:
    ///   - message: A client's `message/ohttp-req`.
    ///   - executor: Runs the non-blocking steps; `nil` for the default task pool.
    ///   - whenAbandoned: Receives a function to call when the request is abandoned.
    /// - Throws: ``HostError``; `deadlineExceeded`, and `cancelled` if the task or the request was abandoned.
    package func answer(
        _ message: [UInt8], at place: Place, trace: RequestTrace? = nil, on executor: (any TaskExecutor)? = nil,
        whenAbandoned: (@escaping @Sendable () -> Void) -> Void = { _ in }
    ) async throws(HostError) -> [UInt8] {
        let first = FirstOutcome<Outcome>()
        let work = Task(executorPreference: executor) {
            let outcome = await RequestTrace.$current.withValue(trace) { await Self.outcome(of: message, at: place) }
            place.pool.release(place.member)
            first.settle(outcome)
        }
        let expiry = deadlines.add(place.deadline) {
            work.cancel()
            first.settle(.failure(.deadlineExceeded))
        }
        defer { deadlines.remove(expiry) }
        whenAbandoned { work.cancel() }
        let outcome = await withTaskCancellationHandler {
            await first.value
        } onCancel: {
            work.cancel()
        }
        return try outcome.get()
    }

    private static func outcome(of message: [UInt8], at place: Place) async -> Outcome {
        do throws(HostError) {
            return .success(try await place.member.host.answer(message, since: place.start, by: place.deadline))
        } catch { return .failure(error) }
    }
}

/// Passes the first of several results to a waiting caller.
private final class FirstOutcome<Outcome: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Outcome, Never>)
        case settled(Outcome)
    }

    private let state = Mutex(State.open)

    func settle(_ outcome: Outcome) {
        let continuation = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
            switch state {
            case .open:
                state = .settled(outcome)
                return nil
            case .awaited(let continuation):
                state = .settled(outcome)
                return continuation
            case .settled: return nil
            }
        }
        continuation?.resume(returning: outcome)
    }

    /// Call it once.
    var value: Outcome {
        get async {
            await withCheckedContinuation { continuation in
                let outcome = state.withLock { state -> Outcome? in
                    if case .settled(let outcome) = state { return outcome }
                    state = .awaited(continuation)
                    return nil
                }
                if let outcome { continuation.resume(returning: outcome) }
            }
        }
    }
}
