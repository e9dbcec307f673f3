// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import Tensors
import Testing

/// Broadcasts and reductions along axes for which oneDNN has only its reference code.
struct BroadcastTests {
    /// An involution's products: one weight for each group, window element and pixel.
    private static func involution() throws -> Problem {
        var problem = Problem("involution")
        try problem.input("x", [1, 2, 4, 9, 5, 6])
        try problem.input("w", [1, 2, 1, 9, 5, 6])
        problem.node("p", .arithmetic(Arithmetic(.multiply)), "x", "w")
        problem.node(
            "y", .reduction(Reduction(.sum, axes: [3], keepsDimensions: false)), "p")
        return problem
    }

    @Test("Products with an operand broadcast along a middle axis, and sums along a middle axis, have optimised code")
    func middle() throws {
        let plan = try Self.involution().check(threads: 2)
        #expect(plan.steps.allSatisfy { !$0.implementation.hasPrefix("ref") }, "\(plan.steps)")
        #expect(plan.kinds == ["multiply", "sum"])
    }

    @Test("Broadcasts along several axes, and reductions along adjacent axes, agree with the reference")
    func several() throws {
        let shapes: [[Int]] = [
            [1, 8, 1, 6], [2, 1, 6, 1], [1, 8, 1, 1], [1, 1, 6, 1], [2, 8, 1, 6], [1, 1, 1, 1],
        ]
        for shape in shapes {
            for function in [Arithmetic.Function.add, .subtract, .divide, .power] {
                var problem = Problem("\(function) \(shape)")
                try problem.input("x", [2, 8, 6, 6])
                try problem.constant("b", shape, in: 1...2)
                problem.node("a", .activation(Activation(.absolute)), "x")
                problem.node("y", .arithmetic(Arithmetic(function)), "a", "b")
                problem.node("z", .activation(Activation(.tanh)), "y")
                try problem.check()
            }
        }
        for axes in [[1], [1, 2], [2], [0], [0, 1], [0, 2], [3], [2, 3]] {
            for function in [Reduction.Function.sum, .maximum, .minimum] {
                var problem = Problem("\(function) along \(axes)")
                try problem.input("x", [2, 8, 6, 5])
                problem.node("y", .reduction(Reduction(function, axes: axes, keepsDimensions: true)), "x")
                try problem.check()
            }
            var problem = Problem("mean along \(axes)")
            try problem.input("x", [2, 8, 6, 5])
            problem.node("y", .reduceMean(ReduceMean(axes: axes, keepsDimensions: true)), "x")
            try problem.check()
        }
    }
}
