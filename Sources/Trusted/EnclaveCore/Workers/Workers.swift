import Glibc
import Inference
import Synchronization

/// Threads that compute. The thread that reads and writes frames hands them computations and is told by a descriptor when
/// one is finished.
final class Workers: Sendable {
    private struct State: Sendable {
        var waiting: [Computation] = []
        var finished: [Computed] = []
        /// Copies of the plans that no thread uses: as many as threads.
        var idle: [Int]
    }

    private let queue: WorkQueue
    private let state: Mutex<State>
    /// Readable while something is finished.
    let signal: Int32
    private let signalling: Int32

    init(count: Int) {
        // How many wait is the enclave's decision: it takes no request without a credit.
        queue = WorkQueue(threads: count, capacity: 1 << 20)
        state = Mutex(State(idle: Array((0..<count).reversed())))
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

    /// Has a thread run it.
    func submit(_ computation: Computation) {
        state.withLock { $0.waiting.append(computation) }
        guard queue.submit({ [self] in runNext() }) == nil else { Self.endProcess() }
    }

    private func runNext() {
        var (computation, worker) = state.withLock { (Optional($0.waiting.removeFirst()), $0.idle.removeLast()) }
        let computed = computation?.run(worker: worker)
        // It holds the model, which is wiped with its last owner: let go before anybody hears that this one is done.
        computation = nil
        state.withLock { state in
            state.idle.append(worker)
            if let computed { state.finished.append(computed) }
        }
        // Where the socket is full it is readable all the same.
        var byte: UInt8 = 1
        _ = write(signalling, &byte, 1)
    }

    /// What was finished since the last call, in the order in which it was.
    func takeFinished() -> [Computed] {
        var bytes: UInt64 = 0
        _ = read(signal, &bytes, MemoryLayout.size(ofValue: bytes))
        return state.withLock { state in
            defer { state.finished = [] }
            return state.finished
        }
    }

    /// Requests would be taken and never answered.
    private static func endProcess() -> Never { _exit(70) }
}
