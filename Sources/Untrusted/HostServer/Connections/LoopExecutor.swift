// SPDX-License-Identifier: Apache-2.0
import NIOCore
import Synchronization

/// Runs a connection's tasks on its event loop. In the task pool each step of a request would wake another thread, which takes
/// longer than the step. Nothing that blocks may run here.
final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    private init(_ loop: any EventLoop) { self.loop = loop }

    /// One for each event loop; event loops live as long as the process.
    private static let all = Mutex<[ObjectIdentifier: LoopExecutor]>([:])

    static func of(_ loop: any EventLoop) -> LoopExecutor {
        all.withLock { all in
            if let executor = all[ObjectIdentifier(loop)] { return executor }
            let executor = LoopExecutor(loop)
            all[ObjectIdentifier(loop)] = executor
            return executor
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
