// SPDX-License-Identifier: Apache-2.0
import HostCore
import ModelGraph
import Tensors
import Testing

@Suite("The queue of an in-process BackNet")
struct BackNetQueueTests {
    /// About 10 million multiply-adds.
    private static func graph() throws -> Graph {
        let weights = [Float](repeating: 0.01, count: 16 * 16 * 9)
        return try Graph(
            name: "convolution",
            inputs: [Value(name: "x", type: TensorType(.float32, try Shape([1, 16, 64, 64])))], outputs: ["y"],
            nodes: [
                Node(
                    name: "y", operation: .convolution(Convolution(window: Window(kernel: [3, 3]))),
                    inputs: ["x", "w"], outputs: ["y"])
            ],
            constants: ["w": try Tensor(weights, shape: [16, 16, 3, 3])])
    }

    @Test("The time that a request waits is measured separately from its computation")
    func queue() async throws {
        let backNet = try LocalBackNet(try Self.graph(), threads: 1)
        let input = try Tensor([Float](repeating: 1, count: 16 * 64 * 64), shape: [1, 16, 64, 64])
        _ = await backNet.run([input])
        let start = ContinuousClock.now
        let runs = await withTaskGroup(of: BackNetRun?.self) { group in
            for _ in 0..<32 { group.addTask { await backNet.run([input]) } }
            return await group.reduce(into: [BackNetRun]()) { runs, run in if let run { runs.append(run) } }
        }
        let wall = ContinuousClock.now - start
        #expect(runs.count == 32)
        let computed = runs.reduce(Duration.zero) { $0 + $1.computed }
        let queued = runs.reduce(Duration.zero) { $0 + $1.queued }
        // One thread computes one request after another, so the sum is at most the elapsed time. Each request waits for
        // those before it.
        #expect(computed > .zero && computed <= wall, "\(computed) in \(wall)")
        #expect(queued > computed, "\(queued) beside \(computed)")
    }
}
