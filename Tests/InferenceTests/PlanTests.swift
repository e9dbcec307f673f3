// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import OneDNN
import ReferenceInference
import Synchronization
import Tensors
import TestSupport
import Testing

struct PlanTests {
    /// Two convolutions with a shortcut, a pooling and a classifier: `x [n, 3, 16, 16]` to `p [n, 10]`.
    static func network(batch: Int = 1) throws -> Problem {
        var problem = Problem("network, batch \(batch)")
        try problem.constant("w1", [16, 3, 3, 3])
        try problem.constant("w2", [16, 16, 3, 3])
        try problem.constant("b2", [16])
        try problem.constant("w3", [16, 10])
        // The input is generated after the weights, so that these do not depend on the batch size.
        try problem.input("x", [batch, 3, 16, 16])
        let same = Window(kernel: [3, 3], pads: [1, 1, 1, 1])
        problem.node("c1", .convolution(Convolution(window: same)), "x", "w1")
        problem.node("r1", .activation(Activation(.relu)), "c1")
        problem.node("c2", .convolution(Convolution(window: same)), "r1", "w2", "b2")
        problem.node("a", .arithmetic(Arithmetic(.add)), "c2", "r1")
        problem.node("r2", .activation(Activation(.relu)), "a")
        problem.node("g", .globalPooling(GlobalPooling(.average)), "r2")
        problem.node("f", .flatten(Flatten()), "g")
        problem.node("m", .matMul(MatMul()), "f", "w3")
        problem.node("p", .softmax(Softmax(axis: 1)), "m")
        return problem
    }

    @Test("Any values may be outputs, in any order and repeatedly")
    func exposesEveryValue() throws {
        var problem = try Self.network()
        let names = problem.nodes.map(\.name)
        problem.outputs = names.reversed() + ["w2", "x", "c1", "c1"]
        try problem.check()
        for name in names {
            problem.outputs = [name]
            try problem.check()
        }
    }

    @Test("An output that is an input or a constant is returned unchanged")
    func returnsInputs() throws {
        var problem = Problem("views of an input")
        try problem.input("x", [2, 6])
        problem.node("i", .identity(Identity()), "x")
        problem.node("y", .reshape(Reshape([3, 4])), "i")
        problem.outputs = ["i", "y"]
        let plan = try problem.check()
        #expect(plan.steps.isEmpty)
        let outputs = try plan.run(problem.given)
        #expect(outputs.allSatisfy { $0.storage === problem.given[0].storage })
    }

    @Test("Runs are bit-identical, and results stay valid when the plan runs again")
    func isDeterministic() throws {
        let problem = try Self.network()
        let plan = try Plan(compiling: try problem.graph())
        let first = try plan.run(problem.given)[0]
        let values = try first.floats()
        let other = try plan.run([try Tensor([Float](repeating: 1, count: 768), shape: [1, 3, 16, 16])])[0]
        #expect(try other.floats() != values)
        #expect(try first.floats() == values)
        #expect(try plan.run(problem.given)[0].floats() == values)
        #expect(try Plan(compiling: try problem.graph()).run(problem.given)[0].floats() == values)
    }

    @Test("Two threads and larger batches agree to 1e-5", arguments: [1, 2, 3, 8])
    func batchesAndThreads(_ batch: Int) throws {
        let problem = try Self.network(batch: batch)
        for threads in 1...2 { try problem.check(threads: threads) }

        let single = try Plan(compiling: try Self.network().graph())
        let whole = try Plan(compiling: try problem.graph()).run(problem.given)[0].floats()
        let images = try problem.given[0].floats()
        for image in 0..<batch {
            let input = try Tensor(Array(images[image * 768..<(image + 1) * 768]), shape: [1, 3, 16, 16])
            let expected = try Tensor(Array(whole[image * 10..<(image + 1) * 10]), shape: [1, 10])
            try expectClose(try single.run([input])[0], expected, relativeToLargest: 1e-5)
        }
    }

    @Test("Inputs of another type or count are refused")
    func refusesOtherInputs() throws {
        let plan = try Plan(compiling: try Self.network().graph())
        for inputs in [[], [try Tensor([Float](repeating: 0, count: 3), shape: [1, 3])]] {
            let error = #expect(throws: InferenceError.self) { try plan.run(inputs) }
            #expect(error?.code == .invalidInputs)
        }
    }

    @Test("An unsupported node is refused with its name")
    func refusesUnsupported() throws {
        var problem = Problem("convolution over four dimensions")
        try problem.input("x", [1, 2, 3, 3, 3, 3])
        try problem.constant("w", [2, 2, 1, 1, 1, 1])
        problem.node("conv", .convolution(Convolution(window: Window(kernel: [1, 1, 1, 1]))), "x", "w")
        let graph = try problem.graph()
        let error = #expect(throws: InferenceError.self) { try Plan(compiling: graph) }
        #expect(error?.code == .unsupported)
        #expect(error?.message.contains("'conv'") == true)
    }

    @Test("All memory comes from the plan's allocator, and a run allocates only its results")
    func allocates() throws {
        let recorder = Recorder()
        let options = PlanOptions(
            allocator: StorageAllocator { byteCount in
                recorder.add(byteCount)
                return StorageAllocator.standard.allocate(byteCount: byteCount)
            })
        let problem = try Self.network()
        let plan = try Plan(compiling: try problem.graph(), options: options)
        let memory = plan.memory
        #expect(recorder.byteCounts.contains(memory.constantBytes))
        #expect(recorder.byteCounts.contains(memory.arenaBytes + memory.scratchBytes))
        recorder.clear()
        _ = try plan.run(problem.given)
        _ = try plan.run(problem.given)
        #expect(recorder.byteCounts == [40, 40])
    }

    @Test("Values that are live at the same time do not overlap, and others share memory")
    func sharesMemory() throws {
        var problem = Problem("chain")
        try problem.input("x", [1, 16, 32, 32])
        try problem.constant("w", [16, 16, 3, 3])
        var last = "x"
        for index in 0..<6 {
            let name = "c\(index)"
            problem.node(
                name, .convolution(Convolution(window: Window(kernel: [3, 3], pads: [1, 1, 1, 1]))), last, "w")
            last = name
        }
        let plan = try problem.check()
        // A value has 64 KiB, and two are alive at once.
        #expect(plan.memory.arenaBytes == 2 * 16 * 32 * 32 * 4)
    }

    @Test("Every oneDNN object is destroyed with its plan")
    func ownership() async {
        await #expect(processExitsWith: .success) {
            for _ in 0..<3 {
                let problem = try PlanTests.network(batch: 2)
                let plan = try Plan(compiling: try problem.graph())
                _ = try plan.run(problem.given)
                #expect(LiveObjects.count > 10)
            }
            #expect(LiveObjects.count == 0)
            guard LiveObjects.count == 0 else { preconditionFailure("\(LiveObjects.count) objects are left") }
        }
    }

    @Test("A profile has one duration for each step")
    func profiles() throws {
        let problem = try Self.network()
        let plan = try Plan(compiling: try problem.graph())
        let (outputs, durations) = try plan.profile(problem.given)
        #expect(durations.count == plan.steps.count)
        #expect(durations.allSatisfy { $0 >= .zero })
        #expect(try outputs[0].floats() == plan.run(problem.given)[0].floats())
    }
}

/// The byte counts of an allocator's requests.
private final class Recorder: Sendable {
    private let counts = Mutex<[Int]>([])
    var byteCounts: [Int] { counts.withLock { $0 } }
    func add(_ byteCount: Int) { counts.withLock { $0.append(byteCount) } }
    func clear() { counts.withLock { $0 = [] } }
}
