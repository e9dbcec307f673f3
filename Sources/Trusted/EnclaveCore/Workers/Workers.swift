// SPDX-License-Identifier: Apache-2.0
import Glibc
import Inference
import Synchronization

/// Threads that compute. The thread that reads and writes frames passes them computations and is notified by a
/// descriptor when one is finished.
final class Workers: Sendable {
    private struct State: Sendable {
        var waiting: [Computation] = []
        var finished: [Computed] = []
        var plans: IdlePlans
    }

    private let queue: WorkQueue
    private let state: Mutex<State>
    /// Readable while something is finished.
    let signal: Int32
    private let signalling: Int32

    init(_ workers: InferenceWorkers) {
        // The enclave limits how many wait: it accepts no request without a credit.
        queue = WorkQueue(threads: workers.count, capacity: 1 << 20)
        state = Mutex(State(plans: IdlePlans(workers)))
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { Self.endProcess() }
        (signal, signalling) = (ends[0], ends[1])
    }

    deinit {
        queue.close()
        _ = close(signal)
        _ = close(signalling)
    }

    /// Queues a computation for a thread.
    func submit(_ computation: Computation) {
        state.withLock { $0.waiting.append(computation) }
        guard queue.submit({ [self] in runNext() }) == nil else { Self.endProcess() }
    }

    /// Starts no further computation and waits for those that run. Libraries may be unloaded afterwards.
    func stop() {
        queue.close()
        state.withLock { $0.waiting = [] }
        while state.withLock({ $0.plans.running > 0 }) { usleep(1000) }
    }

    private func runNext() {
        guard let (computed, worker) = computeNext() else { return }
        state.withLock { state in
            state.plans.giveBack(worker)
            state.finished.append(computed)
        }
        // A failed write needs no handling: a full socket is readable.
        var byte: UInt8 = 1
        _ = write(signalling, &byte, 1)
    }

    /// Runs the next computation. The computation keeps a reference to the model, which is wiped when its last reference is
    /// released. It is released here, before the result is published.
    private func computeNext() -> (Computed, worker: Int)? {
        let next = state.withLock { state -> (computation: Computation, worker: Int)? in
            guard !state.waiting.isEmpty else { return nil }
            let computation = state.waiting.removeFirst()
            return (computation, state.plans.take(othersWait: !state.waiting.isEmpty))
        }
        return next.map { ($0.computation.run(worker: $0.worker), $0.worker) }
    }

    /// The results since the last call, in order of completion.
    func takeFinished() -> [Computed] {
        var bytes: UInt64 = 0
        _ = read(signal, &bytes, MemoryLayout.size(ofValue: bytes))
        return state.withLock { state in
            defer { state.finished = [] }
            return state.finished
        }
    }

    /// Without threads, requests would be accepted and never answered.
    private static func endProcess() -> Never { _exit(70) }
}

extension InferenceWorkers {
    /// Limit of the requests that are computed or wait for a thread. It is twice the number of workers, so that a
    /// worker that finishes finds the next request decrypted. With one worker, which is the thread that reads and
    /// writes frames, the socket is the queue.
    var capacity: Int { count == 1 ? Int.max : 2 * count }
}
