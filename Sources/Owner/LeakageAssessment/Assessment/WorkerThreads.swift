// SPDX-License-Identifier: Apache-2.0
internal import Dispatch
internal import Foundation
internal import Synchronization

/// Runs independent items on separate threads. Each thread's engine uses one core, which gives a higher throughput than
/// one image on all cores. The results do not depend on the number of threads.
final class WorkerThreads<Result: Sendable>: Sendable {
    private struct Board: Sendable {
        var next = 0
        var stopped = false
        var outcomes: [Swift.Result<Result, AssessmentError>?]
        var setupFailure: AssessmentError?
    }

    private let board: Mutex<Board>

    private init(count: Int) { board = Mutex(Board(outcomes: Array(repeating: nil, count: count))) }

    /// - Parameters:
    ///   - makeState: Called once on each thread.
    ///   - body: Called once for each item, unless another has failed before.
    /// - Returns: The results in the order of the items.
    /// - Throws: The error of the first item, in their order, that has failed so far.
    static func map<State>(
        count: Int, threads: Int,
        makeState: @escaping @Sendable () throws(AssessmentError) -> State,
        body: @escaping @Sendable (inout State, Int) throws(AssessmentError) -> Result
    ) throws(AssessmentError) -> [Result] {
        let workers = WorkerThreads(count: count)
        let group = DispatchGroup()
        for _ in 0..<max(1, min(threads, count)) {
            group.enter()
            let thread = Thread {
                workers.work(count: count, makeState: makeState, body: body)
                group.leave()
            }
            // Compiling a plan needs more stack than the default half megabyte.
            thread.stackSize = 8 << 20
            thread.start()
        }
        group.wait()
        return try workers.results()
    }

    private func work<State>(
        count: Int, makeState: () throws(AssessmentError) -> State,
        body: (inout State, Int) throws(AssessmentError) -> Result
    ) {
        var state: State
        do throws(AssessmentError) { state = try makeState() } catch {
            board.withLock {
                $0.setupFailure = $0.setupFailure ?? error
                $0.stopped = true
            }
            return
        }
        while let item = nextItem(below: count) {
            let outcome: Swift.Result<Result, AssessmentError>
            do throws(AssessmentError) { outcome = .success(try body(&state, item)) } catch {
                outcome = .failure(error)
            }
            board.withLock {
                $0.outcomes[item] = outcome
                if case .failure = outcome { $0.stopped = true }
            }
        }
    }

    private func nextItem(below count: Int) -> Int? {
        board.withLock { board in
            guard !board.stopped, board.next < count else { return nil }
            defer { board.next += 1 }
            return board.next
        }
    }

    private func results() throws(AssessmentError) -> [Result] {
        let board = board.withLock { $0 }
        if let failure = board.setupFailure { throw failure }
        var results: [Result] = []
        for outcome in board.outcomes {
            switch outcome {
            case .success(let result): results.append(result)
            case .failure(let error): throw error
            case nil: continue
            }
        }
        return results
    }
}
