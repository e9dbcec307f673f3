// SPDX-License-Identifier: Apache-2.0
import Foundation
import Inference
import ModelGraph
import Tensors
import TestSupport
import Testing

struct MemoryPlanTests {
    /// A line of /proc/self/status, in bytes.
    private static func status(_ name: String) throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name + ":") })
        let number = try #require(line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) })
        return number * 1024
    }

    @Test("The process uses the memory that the plan states, to 10% and 8 MB")
    func statesItsPeak() async {
        await #expect(processExitsWith: .success) {
            var problem = Problem("large weights and activations")
            try problem.input("x", [1, 16, 256, 256])
            try problem.constant("w1", [64, 16, 3, 3])
            try problem.constant("w2", [64, 64, 3, 3])
            try problem.constant("w3", [400, 64 * 128 * 4])
            let same = Window(kernel: [3, 3], pads: [1, 1, 1, 1])
            problem.node("c1", .convolution(Convolution(window: same)), "x", "w1")
            problem.node("c2", .convolution(Convolution(window: same)), "c1", "w2")
            problem.node("p", .pooling(Pooling(.maximum, window: Window(kernel: [8, 16], strides: [8, 16]))), "c2")
            problem.node("f", .flatten(Flatten()), "p")
            problem.node("y", .gemm(Gemm(transposeB: true)), "f", "w3")
            let graph = try problem.graph()
            _ = try Plan(compiling: try PlanTests.network().graph()).run(try PlanTests.network().given)
            let before = try MemoryPlanTests.status("VmRSS")
            let plan = try Plan(compiling: graph)
            try Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs"))
            for _ in 0..<3 { _ = try plan.run(problem.given) }
            let measured = try MemoryPlanTests.status("VmHWM") - before
            let stated = plan.memory.peakBytes
            print("stated \(stated), measured \(measured)")
            #expect(stated > 60 << 20)
            guard abs(measured - stated) <= stated / 10 + (8 << 20) else {
                preconditionFailure("stated \(stated), measured \(measured)")
            }
        }
    }

    /// A chain of sixteen products with matrices of 4 MiB.
    private static func matrices() throws -> Graph {
        let type = TensorType(.float32, try Shape([1024, 1024]))
        var (nodes, constants): ([Node], [String: Tensor]) = ([], [:])
        var last = "x"
        for index in 0..<16 {
            // Written directly to the tensor, because the memory of an array would count as the process's too.
            constants["w\(index)"] = Tensor(type: type) { bytes in
                let elements = bytes.bindMemory(to: Float.self)
                for position in elements.indices { elements[position] = Float(position % 17 - 8) }
            }
            let product = Gemm(transposeB: true)
            nodes.append(
                Node(name: "y\(index)", operation: .gemm(product), inputs: [last, "w\(index)"], outputs: ["y\(index)"]))
            last = "y\(index)"
        }
        let input = Value(name: "x", type: TensorType(.float32, try Shape([1, 1024])))
        return try Graph(name: "matrices", inputs: [input], outputs: [last], nodes: nodes, constants: constants)
    }

    @Test("Weights are released one by one while they are reordered, so that memory never holds two copies of all")
    func weightsOnce() async {
        await #expect(processExitsWith: .success) {
            let before = try MemoryPlanTests.status("VmRSS")
            let plan = try Plan(compiling: try MemoryPlanTests.matrices())
            let measured = try MemoryPlanTests.status("VmHWM") - before
            #expect(plan.memory.constantBytes == 64 << 20)
            // 64 MiB of weights, one matrix twice, and the memory of the library.
            #expect(measured < (64 + 4 + 16) << 20)
        }
    }

    @Test("Thousands of simultaneously live values are placed quickly, and do not overlap")
    func manyValues() throws {
        var problem = Problem("many sums")
        try problem.input("x", [1, 4])
        let count = 3000
        for index in 0..<count {
            problem.node("a\(index)", .softmax(Softmax(axis: 1)), index == 0 ? "x" : "a\(index - 1)")
        }
        var last = "a\(count - 1)"
        // The sums use the values in the opposite order, so that all of them are alive at once.
        for index in (0..<count - 1).reversed() {
            problem.node("s\(index)", .arithmetic(Arithmetic(.add)), last, "a\(index)")
            last = "s\(index)"
        }
        // Processor time depends little on the load of the machine.
        var (start, end) = (timespec(), timespec())
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start)
        let plan = try problem.check()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end)
        #expect(end.tv_sec - start.tv_sec < 20)
        #expect(plan.memory.arenaBytes >= count * 16)
        #expect(plan.memory.arenaBytes <= (2 * count + 2) * 64)
    }
}
