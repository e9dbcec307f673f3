import Inference
import ModelGraph
import Tensors
import TestSupport
import Testing

struct MemoryPlanTests {
    @Test("Thousands of values that live together are placed in time, and do not overlap")
    func manyValues() throws {
        var problem = Problem("many sums")
        try problem.input("x", [1, 4])
        let count = 3000
        for index in 0..<count {
            problem.node("a\(index)", .softmax(Softmax(axis: 1)), index == 0 ? "x" : "a\(index - 1)")
        }
        var last = "a\(count - 1)"
        // In the opposite order, so that all live until then.
        for index in (0..<count - 1).reversed() {
            problem.node("s\(index)", .arithmetic(Arithmetic(.add)), last, "a\(index)")
            last = "s\(index)"
        }
        let clock = ContinuousClock()
        let start = clock.now
        let plan = try problem.check()
        #expect(clock.now - start < .seconds(20))
        #expect(plan.memory.arenaBytes >= count * 16)
        #expect(plan.memory.arenaBytes <= (2 * count + 2) * 64)
    }
}
