// SPDX-License-Identifier: Apache-2.0
import Glibc
import Inference
import Synchronization
import Tensors
import Testing

struct ExecutorTests {
    @Test("Concurrent runs of one plan each get the correct result")
    func runsConcurrently() async throws {
        let problem = try PlanTests.network()
        let plan = try Plan(compiling: try problem.graph())
        let expected = try plan.run(problem.given)[0].floats()
        let executor = InferenceExecutor(workers: 2)
        try await withThrowingTaskGroup(of: [Float].self) { group in
            for _ in 0..<32 { group.addTask { try await executor.run(plan, problem.given)[0].floats() } }
            for try await values in group { #expect(values == expected) }
        }
    }

    @Test("A request over the capacity is refused, and the next is served when there is room")
    func refusesOverload() async throws {
        let executor = InferenceExecutor(workers: 1, capacity: 1)
        let gate = Gate()
        let running = Task { try await executor.run { gate.wait() } }
        while !gate.isReached { await Task.yield() }
        // Of two more requests one waits, and the other is refused meanwhile.
        let others = (0..<2).map { _ in
            Task { () throws(InferenceError) -> Bool in
                do throws(InferenceError) { return try await executor.run { true } } catch {
                    guard error.code == .overloaded else { throw error }
                    gate.open()
                    return false
                }
            }
        }
        var served = 0
        for other in others where try await other.value { served += 1 }
        #expect(served == 1)
        try await running.value
        #expect(try await executor.run { 3 } == 3)
    }

    @Test("Errors of a plan reach the caller, and an executor refuses requests after shutdown")
    func throwsErrors() async throws {
        let plan = try Plan(compiling: try PlanTests.network().graph())
        let executor = InferenceExecutor()
        let invalid = await #expect(throws: InferenceError.self) { try await executor.run(plan, []) }
        #expect(invalid?.code == .invalidInputs)
        executor.shutDown()
        let refused = await #expect(throws: InferenceError.self) { try await executor.run { 1 } }
        #expect(refused?.code == .shutDown)
    }
}

/// Blocks the worker that calls `wait` until another thread calls `open`.
private final class Gate: Sendable {
    private let reached = Atomic<Bool>(false)
    private let opened = Atomic<Bool>(false)

    var isReached: Bool { reached.load(ordering: .acquiring) }
    func open() { opened.store(true, ordering: .releasing) }

    func wait() {
        reached.store(true, ordering: .releasing)
        while !opened.load(ordering: .acquiring) { usleep(200) }
    }

}
