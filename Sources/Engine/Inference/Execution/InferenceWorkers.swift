/// How inferences of one model use the processors.
package struct InferenceWorkers: Sendable, Hashable {
    /// Inferences at a time.
    package let count: Int
    /// Threads of one inference.
    package let threads: Int
    /// Threads of an inference that begins while no other runs: what it takes then, nobody else wants.
    package let threadsAlone: Int

    /// - Parameter threadsAlone: `nil` for as many as at any time.
    package init(count: Int = 1, threads: Int = 1, threadsAlone: Int? = nil) {
        precondition(count > 0 && threads > 0 && threadsAlone ?? 1 > 0, "workers without threads")
        self.count = count
        self.threads = threads
        self.threadsAlone = threadsAlone ?? threads
    }

    /// The number of the plan for an inference that begins alone; the others are below ``count``.
    var alone: Int? { count > 1 && threadsAlone != threads ? count : nil }
}

/// Which of ``WorkerPlans`` no thread uses. There are as many threads as ``InferenceWorkers/count``.
package struct IdlePlans: Sendable {
    private let alone: Int?
    private var idle: [Int]
    package private(set) var running = 0

    package init(_ workers: InferenceWorkers) {
        alone = workers.alone
        idle = Array((0..<workers.count).reversed())
    }

    /// - Parameter othersWait: Whether another inference is to begin as well.
    /// - Returns: The plan for an inference that begins now.
    package mutating func take(othersWait: Bool) -> Int {
        // One begins alone at a time, as it then runs.
        let isAlone = running == 0 && !othersWait
        running += 1
        return isAlone ? alone ?? idle.removeLast() : idle.removeLast()
    }

    package mutating func giveBack(_ plan: Int) {
        running -= 1
        if plan != alone { idle.append(plan) }
    }
}
