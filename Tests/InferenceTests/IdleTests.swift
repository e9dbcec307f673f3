// SPDX-License-Identifier: Apache-2.0
import Glibc
import Inference
import Testing

struct IdleTests {
    /// The processor time that this process has used, in milliseconds.
    private static func processorMilliseconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1000 + Double(time.tv_nsec) / 1e6
    }

    @Test("After a run the threads of a plan sleep: at most 1 ms of processor time in 200 ms")
    func sleeps() async {
        await #expect(processExitsWith: .success) {
            // Waits for the threads of OpenBLAS, which other tests in this executable need: they spin after it is
            // loaded.
            for _ in 0..<100 {
                let before = IdleTests.processorMilliseconds()
                usleep(50_000)
                if IdleTests.processorMilliseconds() - before < 1 { break }
            }
            let problem = try PlanTests.network()
            let plan = try Plan(compiling: try problem.graph(), options: PlanOptions(threads: 2))
            // On a busy machine a thread may reach its sleep late, so one quiet interval is enough.
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
