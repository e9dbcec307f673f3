// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import ONNXImport
import Tensors
import TestSupport
import Testing

struct BatchTests {
    /// Images `[count, …]`, and their results as computed by a plan for one image.
    private static func alone(
        _ graph: Graph, _ count: Int, threads: Int = 1
    ) throws -> (images: Tensor, expected: Tensor) {
        let plan = try Plan(compiling: graph, options: PlanOptions(threads: threads))
        let shape = Array(plan.inputs[0].type.shape.dimensions.dropFirst())
        var noise = Noise(seed: 5)
        var (given, made): ([Float], [Float]) = ([], [])
        for _ in 0..<count {
            let image = try noise.tensor([1] + shape)
            given += try image.floats()
            made += try plan.run([image])[0].floats()
        }
        let result = plan.outputs[0].type.shape.dimensions.dropFirst()
        return (try Tensor(given, shape: [count] + shape), try Tensor(made, shape: [count] + result))
    }

    @Test("Batches of every size from 1 to 70 agree with single images to 1e-5, with one plan for each power of two")
    func anySize() throws {
        let graph = try PlanTests.network().graph()
        let inference = try BatchedInference(graph, options: PlanOptions(threads: 2))
        let (images, expected) = try Self.alone(graph, 70, threads: 2)
        for count in 1...70 {
            let part = try Tensor(Array(images.floats().prefix(count * 768)), shape: [count, 3, 16, 16])
            let wanted = try Tensor(Array(expected.floats().prefix(count * 10)), shape: [count, 10])
            try expectClose(try inference.run([part])[0], wanted, relativeToLargest: 1e-5, "\(count) images")
        }
        // 1, 2, 4, 8 and 16.
        #expect(inference.planCounts == (5, 5))
    }

    @Test(
        "The number of cached plans is limited, and a repeated batch size compiles nothing",
        arguments: [1, 2, 3])
    func boundsPlans(_ room: Int) throws {
        let graph = try PlanTests.network().graph()
        let inference = try BatchedInference(graph, options: PlanOptions(), maximumPlans: room)
        let (images, expected) = try Self.alone(graph, 31)
        for _ in 0..<3 {
            try expectClose(try inference.run([images])[0], expected, relativeToLargest: 1e-5)
            #expect(inference.planCounts.kept <= room)
        }
        // The first batch also compiles a plan for two images, to test whether they are independent.
        #expect(inference.planCounts.compilations <= (room == 1 ? 1 : room + 2))
    }

    @Test("The least recently used plan is evicted")
    func evictsTheOldest() throws {
        let inference = try BatchedInference(
            try PlanTests.network().graph(), options: PlanOptions(), maximumPlans: 2)
        func run(_ count: Int) throws -> Int {
            _ = try inference.run([try Tensor([Float](repeating: 1, count: count * 768), shape: [count, 3, 16, 16])])
            return inference.planCounts.compilations
        }
        #expect(try run(2) == 2)
        #expect(try run(1) == 2)
        // The plan for 4 takes the place of that for 2.
        #expect(try run(4) == 3)
        #expect(try run(1) == 3)
        #expect(try run(2) == 4)
    }

    @Test("If the graph has a fixed batch size, images run one at a time")
    func fixedBatch() throws {
        var problem = Problem("reshape with a literal 1")
        try problem.input("x", [1, 4, 2, 2])
        try problem.constant("w", [16, 3])
        problem.node("f", .reshape(Reshape([1, 16])), "x")
        problem.node("y", .matMul(MatMul()), "f", "w")
        let graph = try problem.graph()
        let inference = try BatchedInference(graph, options: PlanOptions())
        let (images, expected) = try Self.alone(graph, 7)
        #expect(try inference.run([images])[0].floats() == expected.floats())
        #expect(inference.planCounts == (1, 1))
    }

    @Test("If the graph mixes images of a batch, they run one at a time")
    func mixedBatch() throws {
        var problem = Problem("less the mean of the batch")
        try problem.input("x", [1, 6])
        try problem.constant("w", [6, 6])
        problem.node("m", .reduceMean(ReduceMean(axes: [0], keepsDimensions: true)), "x")
        problem.node("d", .arithmetic(Arithmetic(.subtract)), "x", "m")
        problem.node("e", .arithmetic(Arithmetic(.add)), "d", "m")
        problem.node("p", .activation(Activation(.sigmoid)), "d")
        problem.node("y", .arithmetic(Arithmetic(.multiply)), "e", "p")
        let graph = try problem.graph()
        let inference = try BatchedInference(graph, options: PlanOptions())
        let (images, expected) = try Self.alone(graph, 5)
        #expect(try inference.run([images])[0].floats() == expected.floats())
        #expect(inference.planCounts.kept == 2)
    }

    @Test("A graph with one batch size accepts others, and its types are checked")
    func otherBatches() throws {
        let inference = try BatchedInference(try PlanTests.network(batch: 3).graph(), options: PlanOptions())
        let (images, expected) = try Self.alone(try PlanTests.network().graph(), 5)
        try expectClose(try inference.run([images])[0], expected, relativeToLargest: 1e-5)
        let wrong = [[], [try Tensor([Float](), shape: [0, 3, 16, 16])], [try Tensor([Float](), shape: [0])]]
        for inputs in wrong {
            let error = #expect(throws: InferenceError.self) { try inference.run(inputs) }
            #expect(error?.code == .invalidInputs)
        }
    }

    @Test("Plans for different batch sizes share weights that have the same layout")
    func sharesWeights() throws {
        let graph = try PlanTests.network().graph()
        let first = try Plan(compiling: graph)
        let same = try Plan(compiling: graph, sharingWith: [first])
        #expect(same.memory.constantBytes == 0)
        let more = try Plan(compiling: try graph.withBatch(8), sharingWith: [first])
        #expect(more.memory.constantBytes < first.memory.constantBytes)
        let given = try PlanTests.network().given
        #expect(try same.run(given)[0].floats() == first.run(given)[0].floats())
    }

    @Test("A plan whose memory cannot be allocated gives an error and does not end the process")
    func refusesMemory() throws {
        var options = PlanOptions(
            allocator: StorageAllocator { byteCount in
                byteCount > 1 << 14 ? nil : StorageAllocator.standard.allocate(byteCount: byteCount)
            })
        let graph = try PlanTests.network().graph()
        let refused = #expect(throws: InferenceError.self) { try Plan(compiling: graph, options: options) }
        #expect(refused?.message.contains("bytes of memory are not available") == true)
        #expect(StorageAllocator.standard.allocateIfAvailable(byteCount: .max) == nil)
        #expect(StorageAllocator.standard.allocateIfAvailable(byteCount: 1 << 60) == nil)
        options.allocator = .standard
        options.maximumWorkingBytes = 1 << 10
        #expect(throws: InferenceError.self) { try Plan(compiling: graph, options: options) }
    }

    @Test(
        "Batches of trained models agree with single images to 1e-5 of the largest",
        .enabled(if: SharedFiles.isPresent, "\(SharedFiles.absence)"),
        arguments: ["squeezenet-1.1", "mobilenet-v2-1.0", "resnet20-cifar10"])
    func trainedModels(_ model: String) throws {
        let graph = try ONNXModel.load(path: SharedFiles.path("models/\(model)/model.onnx")).graph
        let inference = try BatchedInference(graph, options: PlanOptions(threads: 2))
        let (images, expected) = try Self.alone(graph, 5, threads: 2)
        try expectClose(try inference.run([images])[0], expected, relativeToLargest: 1e-5)
        #expect(inference.planCounts.compilations == 3)
    }
}
