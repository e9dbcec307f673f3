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

    @Test("Between calls the threads of a plan sleep: at most 10 ms of processor time in 200 ms")
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
            for _ in 0..<20 { _ = try plan.run(problem.given) }
            // What spins for a while after the last primitive may finish.
            usleep(20_000)
            let before = IdleTests.processorMilliseconds()
            usleep(200_000)
            let used = IdleTests.processorMilliseconds() - before
            guard used < 10 else { preconditionFailure("\(used) ms of processor time in 200 ms without work") }
        }
    }
}
