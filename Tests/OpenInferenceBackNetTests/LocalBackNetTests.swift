// SPDX-License-Identifier: Apache-2.0
import HostCore
import ModelGraph
import Synchronization
import Tensors
import Testing

@Suite("The in-process BackNet")
struct LocalBackNetTests {
    private static func input(_ number: Int) throws -> [Tensor] {
        [try Tensor([Float](repeating: Float(number), count: 16), shape: [1, 16])]
    }

    /// Sums of exact fractions.
    private static func expected(_ number: Int) -> [Float] {
        (0..<8).map { column in
            (0..<16).reduce(Float(0)) { $0 + Float(number) * Float($1 * 8 + column + 1) / 4 }
        }
    }

    private static func ask(_ count: Int, _ engine: some BackNetEngine) async throws -> [BackNetRun] {
        try await withThrowingTaskGroup(of: BackNetRun.self) { group in
            for number in 0..<count {
                group.addTask {
                    let run = try #require(await engine.run(try input(number)))
                    #expect(try run.outputs.map { try $0.floats() } == [expected(number)])
                    #expect(run.outputs.map(\.shape.dimensions) == [[1, 8]])
                    #expect(run.queued >= .zero && run.computed > .zero)
                    return run
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// y = relu(x · w), with the weights 0.25, 0.5, …
    private static func graph() throws -> Graph {
        let type = TensorType(.float32, try Shape([1, 16]))
        let weights = try Tensor((0..<(16 * 8)).map { Float($0 + 1) / 4 }, shape: [16, 8])
        return try Graph(
            name: "product", inputs: [Value(name: "x", type: type)], outputs: ["y"],
            nodes: [
                Node(name: "m", operation: .matMul(MatMul()), inputs: ["x", "w"], outputs: ["m"]),
                Node(name: "y", operation: .activation(Activation(.relu)), inputs: ["m"], outputs: ["y"]),
            ], constants: ["w": weights])
    }

    @Test("Concurrent requests on one thread and on several each get their own answer", arguments: [1, 2, 3])
    func manyAtATime(threads: Int) async throws {
        let backNet = try LocalBackNet(try Self.graph(), threads: threads)
        #expect(try await Self.ask(64, backNet).count == 64)
    }

    @Test("Simultaneous requests are computed in one batch, and each gets its own answer", arguments: [1, 2, 8, 21])
    func batches(count: Int) async throws {
        let backNet = try BatchedBackNet(try Self.graph(), threads: 2, delay: .milliseconds(200))
        let runs = try await Self.ask(count, backNet)
        #expect(runs.count == count)
        // A full batch does not wait; the first request of another one waits for the delay if others are slow to
        // arrive.
        if count < BatchedBackNet.largestBatch { #expect(runs.contains { $0.queued >= .milliseconds(190) }) }
    }

    @Test("A wrong request fails alone, not with its batch")
    func wrongInBatch() async throws {
        let backNet = try BatchedBackNet(try Self.graph(), threads: 1, delay: .milliseconds(50))
        let wrong = try Tensor([Float](repeating: 1, count: 8), shape: [1, 8])
        async let failed = backNet.run([wrong])
        #expect(try await Self.ask(4, backNet).count == 4)
        #expect(await failed == nil)
    }

    @Test("A graph with a fixed batch size runs requests one at a time, with the same answers")
    func fixedBatch() async throws {
        let type = TensorType(.float32, try Shape([1, 16]))
        let weights = try Tensor((0..<(16 * 8)).map { Float($0 + 1) / 4 }, shape: [16, 8])
        // Of one request, the maximum over the batch is the request's own.
        let graph = try Graph(
            name: "mixed", inputs: [Value(name: "x", type: type)], outputs: ["y"],
            nodes: [
                Node(name: "m", operation: .matMul(MatMul()), inputs: ["x", "w"], outputs: ["m"]),
                Node(
                    name: "y", operation: .reduction(Reduction(.maximum, axes: [0], keepsDimensions: true)),
                    inputs: ["m"],
                    outputs: ["y"]),
            ], constants: ["w": weights])
        let backNet = try BatchedBackNet(graph, threads: 1, delay: .milliseconds(20))
        #expect(try await Self.ask(9, backNet).count == 9)
    }

    @Test("Whether batches are faster is measured and reported")
    func choice() async throws {
        let lines = Mutex<[LogLine]>([])
        let graph = try Self.graph()
        let chosen = try await BatchedBackNet.ifFaster(
            graph, precision: .float32, threads: 2, delay: .milliseconds(1)
        ) { line in lines.withLock { $0.append(line) } }
        let message = try #require(lines.withLock(\.first)?.message)
        #expect(message.contains("times as many requests a second"))
        #expect((chosen == nil) == message.contains("without batches"))
    }

    @Test("An invalid input is refused before it runs, and the next request is served")
    func wrongInput() async throws {
        let backNet = try LocalBackNet(try Self.graph(), threads: 2)
        let wrong = try Tensor([Float](repeating: 1, count: 8), shape: [1, 8])
        for _ in 0..<5 { #expect(await backNet.run([wrong]) == nil) }
        let right = try Tensor([Float](repeating: 1, count: 16), shape: [1, 16])
        #expect(try await backNet.run([right])?.outputs[0].floats().count == 8)
    }
}
