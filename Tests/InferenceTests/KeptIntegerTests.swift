// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import ReferenceInference
import Tensors
import TestSupport
import Testing

/// Weights of products of token rows that stay 8-bit integers in the memory of a plan.
struct KeptIntegerTests {
    /// A product of rows with its bias, GELU and residual sum, a Gemm, and a product of one row.
    private static func tokens(rows: Int = 20) throws -> Problem {
        var problem = Problem("tokens")
        problem.tolerance = 2e-5
        try problem.input("x", [1, rows, 16])
        try problem.integers("w", [16, 32], axis: 1)
        try problem.integers("v", [32, 16], axis: 1, scales: 1)
        try problem.integers("g", [24, 16], axis: 0)
        try problem.constant("b", [32])
        try problem.constant("c", [24])
        problem.node("p", .matMul(MatMul()), "x", "w")
        problem.node("pb", .arithmetic(Arithmetic(.add)), "p", "b")
        problem.node("a", .activation(Activation(.gelu)), "pb")
        problem.node("q", .matMul(MatMul()), "a", "v")
        problem.node("r", .arithmetic(Arithmetic(.add)), "q", "x")
        problem.node("flat", .reshape(Reshape([rows, 16])), "r")
        problem.node("y", .gemm(Gemm(transposeB: true)), "flat", "g", "c")
        return problem
    }

    private static func plan(_ problem: Problem, limit: Int, threads: Int = 1) throws -> Plan {
        var options = PlanOptions(threads: threads)
        options.maximumExpandedBytes = limit
        options.verifiesPasses = true
        let graph = try problem.graph()
        let plan = try Plan(compiling: graph, options: options)
        let expected = try ReferenceExecutor(graph).run(problem.given)
        for _ in 0..<2 {
            for (a, b) in zip(try plan.run(problem.given), expected) {
                try expectClose(a, b, relativeToLargest: problem.tolerance, "\(problem.testDescription)")
            }
        }
        return plan
    }

    @Test("Above the size limit, weights stay integers, and products still fuse bias, activation and sum")
    func kept() throws {
        let problem = try Self.tokens()
        let expanded = 4 * (16 * 32 + 32 * 16 + 24 * 16)
        for threads in [1, 2] {
            let plain = try Self.plan(problem, limit: expanded, threads: threads)
            #expect(!plain.kinds.contains("dequantize"))
            let kept = try Self.plan(problem, limit: expanded - 1, threads: threads)
            #expect(kept.kinds.filter { $0 != "dequantize" } == plain.kinds)
            #expect(kept.kinds.count { $0 == "dequantize" } == 3)
            // It holds integers and scales instead of float32 weights.
            #expect(kept.memory.constantBytes < plain.memory.constantBytes / 2)
        }
    }

    @Test("Weights in products of few rows, with zero points or with other uses are expanded to float32")
    func expanded() throws {
        #expect(!(try Self.plan(try Self.tokens(rows: 3), limit: 0).kinds.contains("dequantize")))
        var asymmetric = Problem("asymmetric")
        try asymmetric.input("x", [1, 20, 16])
        try asymmetric.integers("w", [16, 32], axis: 1, zero: 3)
        asymmetric.node("y", .matMul(MatMul()), "x", "w")
        #expect(!(try Self.plan(asymmetric, limit: 0).kinds.contains("dequantize")))
        var shared = Problem("shared")
        try shared.input("x", [1, 20, 16])
        try shared.integers("w", [16, 16], axis: 1)
        shared.node("p", .matMul(MatMul()), "x", "w")
        shared.node("y", .arithmetic(Arithmetic(.add)), "p", "w20")
        try shared.constant("w20", [20, 16])
        shared.node("z", .matMul(MatMul()), "w", "w")
        shared.outputs = ["y", "z"]
        #expect(!(try Self.plan(shared, limit: 0).kinds.contains("dequantize")))
    }

    @Test("A single DequantizeLinear of large weights is computed once, whatever their size")
    func large() throws {
        var problem = Problem("large")
        try problem.input("x", [1, 2048])
        try problem.integers("w", [2048, 3000], axis: 1)
        problem.node("y", .matMul(MatMul()), "x", "w")
        let plan = try Self.plan(problem, limit: 256 << 20)
        #expect(plan.rewrites(by: "constant folding") == ["w"])
    }
}
