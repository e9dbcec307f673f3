import HostCore
import ModelGraph
import Tensors
import Testing

@Suite("The BackNet on this process' own engine")
struct LocalBackNetTests {
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

    @Test("Many requests at a time, on one thread and on several, each get their own answer", arguments: [1, 2, 3])
    func manyAtATime(threads: Int) async throws {
        let backNet = try LocalBackNet(try Self.graph(), threads: threads)
        try await withThrowingTaskGroup(of: (Int, [Float], BackNetRun).self) { group in
            for number in 0..<64 {
                group.addTask {
                    let input = try Tensor([Float](repeating: Float(number), count: 16), shape: [1, 16])
                    let run = try #require(await backNet.run([input]))
                    return (number, try run.outputs[0].floats(), run)
                }
            }
            for try await (number, values, run) in group {
                // Sums of exact fractions.
                let expected = (0..<8).map { column in
                    (0..<16).reduce(Float(0)) { $0 + Float(number) * Float($1 * 8 + column + 1) / 4 }
                }
                #expect(values == expected)
                #expect(run.queued >= .zero && run.computed > .zero)
            }
        }
    }

    @Test("What is no input of the BackNet has no run, and the next request is served")
    func wrongInput() async throws {
        let backNet = try LocalBackNet(try Self.graph(), threads: 2)
        let wrong = try Tensor([Float](repeating: 1, count: 8), shape: [1, 8])
        for _ in 0..<5 { #expect(await backNet.run([wrong]) == nil) }
        let right = try Tensor([Float](repeating: 1, count: 16), shape: [1, 16])
        #expect(try await backNet.run([right])?.outputs[0].floats().count == 8)
    }
}
