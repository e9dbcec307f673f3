// SPDX-License-Identifier: Apache-2.0
import Glibc
import Inference
import Testing

struct IdleTests {
    /// Processor time that this process took so far, in milliseconds.
    private static func processorMilliseconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1000 + Double(time.tv_nsec) / 1e6
    }

    @Test("A millisecond after a call the threads of a plan sleep: at most 1 ms of processor time in 200 ms")
    func sleeps() async {
        await #expect(processExitsWith: .success) {
            // OpenBLAS, which other tests in this executable need, lets its threads spin when it is loaded.
            for _ in 0..<100 {
                let before = IdleTests.processorMilliseconds()
                usleep(50_000)
                if IdleTests.processorMilliseconds() - before < 1 { break }
            }
            let problem = try PlanTests.network()
            let plan = try Plan(compiling: try problem.graph(), options: PlanOptions(threads: 2))
            // A thread that others keep from its core comes to sleep late: one quiet time is enough.
            var least = Double.infinity
            for _ in 0..<10 where least >= 1 {
                for _ in 0..<20 { _ = try plan.run(problem.given) }
                usleep(1_000)
                let before = IdleTests.processorMilliseconds()
                usleep(200_000)
                least = min(least, IdleTests.processorMilliseconds() - before)
            }
            guard least < 1 else { preconditionFailure("\(least) ms of processor time in 200 ms without work") }
        }
    }
}
