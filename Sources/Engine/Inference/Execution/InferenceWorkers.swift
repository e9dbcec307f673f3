// SPDX-License-Identifier: Apache-2.0
/// How concurrent inferences of one model share the processors.
package struct InferenceWorkers: Sendable, Hashable {
    /// The default maximum number of concurrent inferences. Each needs memory for its activations.
    package static let defaultMaximum = 8

    /// Concurrent inferences.
    package let count: Int
    /// Threads of one inference.
    package let threads: Int
    /// Threads of an inference that begins while no other runs.
    package let threadsAlone: Int

    /// - Parameter threadsAlone: `nil` for the same as `threads`.
    package init(count: Int = 1, threads: Int = 1, threadsAlone: Int? = nil) {
        precondition(count > 0 && threads > 0 && threadsAlone ?? 1 > 0, "workers without threads")
        self.count = count
        self.threads = threads
        self.threadsAlone = threadsAlone ?? threads
    }

    /// The index of the plan for an inference that begins alone; the other plans have indices below ``count``.
    var alone: Int? { count > 1 && threadsAlone != threads ? count : nil }
}

/// The plans of ``WorkerPlans`` that are idle. At most ``InferenceWorkers/count`` plans run at the same time.
package struct IdlePlans: Sendable {
    private let alone: Int?
    private var idle: [Int]
    package private(set) var running = 0

    package init(_ workers: InferenceWorkers) {
        alone = workers.alone
        idle = Array((0..<workers.count).reversed())
    }

    /// Takes the plan for an inference that begins now.
    ///
    /// - Parameter othersWait: Whether another inference is waiting.
    /// - Returns: The plan's index, for ``WorkerPlans/run(_:worker:)`` and ``giveBack(_:)``.
    package mutating func take(othersWait: Bool) -> Int {
        // The plan for an inference that begins alone is idle, since no inference runs.
        let isAlone = running == 0 && !othersWait
        running += 1
        return isAlone ? alone ?? idle.removeLast() : idle.removeLast()
    }

    package mutating func giveBack(_ plan: Int) {
        running -= 1
        if plan != alone { idle.append(plan) }
    }
}
