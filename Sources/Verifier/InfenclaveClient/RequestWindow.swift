// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The requests of a sequence that are in progress, or answered but not yet taken. Their number is limited.
package final class RequestWindow: Sendable {
    typealias Answer = Task<[Classification], any Error>

    private struct State {
        var isOver = false
        var filling: Task<Void, Never>?
        var underWay: [Answer] = []
    }

    private let answers: AsyncThrowingStream<Answer, any Error>
    private let end: AsyncThrowingStream<Answer, any Error>.Continuation
    /// An element for each request that may begin.
    private let room: AsyncStream<Void>
    private let makeRoom: AsyncStream<Void>.Continuation
    private let state = Mutex(State())

    init(_ count: Int) {
        (answers, end) = AsyncThrowingStream.makeStream()
        (room, makeRoom) = AsyncStream.makeStream()
        for _ in 0..<count { makeRoom.yield() }
    }

    /// Runs `feed`, which begins requests, concurrently with the caller that takes the answers.
    func fill(by feed: @escaping @Sendable (RequestWindow) async throws -> Void) {
        let filling = Task {
            do {
                try await feed(self)
                end.finish()
            } catch { end.finish(throwing: error) }
        }
        state.withLock { $0.filling = filling }
    }

    /// Waits until another request may begin.
    ///
    /// - Returns: `false` when answers are no longer wanted.
    package func hasRoom() async -> Bool {
        var iterator = room.makeAsyncIterator()
        return await iterator.next() != nil
    }

    package func begin(_ request: @escaping @Sendable () async throws -> [Classification]) {
        let answer = state.withLock { state -> Answer? in
            guard !state.isOver else { return nil }
            let answer = Task { try await request() }
            state.underWay.append(answer)
            return answer
        }
        if let answer { end.yield(answer) }
    }

    /// The next answer; `nil` at the end.
    func next() async throws -> [Classification]? {
        guard !state.withLock({ $0.isOver }) else { return nil }
        do {
            var iterator = answers.makeAsyncIterator()
            guard let answer = try await iterator.next() else {
                // A cancelled task reaches this point, too.
                try Task.checkCancellation()
                cancel()
                return nil
            }
            let classes = try await withTaskCancellationHandler {
                try await answer.value
            } onCancel: {
                answer.cancel()
            }
            state.withLock { state in state.underWay.removeAll { $0 == answer } }
            makeRoom.yield()
            return classes
        } catch {
            cancel()
            throw error
        }
    }

    /// Abandons the requests in progress.
    func cancel() {
        let tasks = state.withLock { state -> (Task<Void, Never>?, [Answer]) in
            defer { state = State(isOver: true) }
            return (state.filling, state.underWay)
        }
        tasks.0?.cancel()
        for answer in tasks.1 { answer.cancel() }
        end.finish()
        makeRoom.finish()
    }
}
