// SPDX-License-Identifier: Apache-2.0
import Differentiation
import Inference
import ModelGraph
import ReferenceInference
import Tensors
import TestSupport
import Testing

struct DerivativeTests {
    @Test(
        "The tangent agrees with central differences of the plain-loop reference to 0.5 % of its norm",
        arguments: try cases.get())
    func tangents(_ problem: DerivativeCase) throws {
        let graph = try problem.graph()
        var noise = Noise(seed: 11)
        let direction = try noise.tensor(problem.x.shape.dimensions)
        let tangent = try GraphDerivative.tangent(of: graph, at: graph.outputs)
        let found = try Plan(compiling: tangent).run([problem.x, direction])[0]

        let reference = ReferenceExecutor(graph)
        let step: Float = 0.01
        let above = try reference.run([try moved(problem.x, by: direction, step)])[0]
        let below = try reference.run([try moved(problem.x, by: direction, -step)])[0]
        let expected = try Tensor(
            zip(try above.floats(), try below.floats()).map { ($0 - $1) / (2 * step) }, shape: above.shape.dimensions)
        #expect(found.type == expected.type)
        let error = try norm(try moved(found, by: expected, -1))
        #expect(try error <= 5e-3 * norm(expected) + 1e-4, "the error is \(error)")
    }

    @Test(
        "The adjoint is the transpose of the tangent: u · Jv and Jᵀu · v agree to 1e-4 of their norms",
        arguments: try cases.get())
    func adjoints(_ problem: DerivativeCase) throws {
        let graph = try problem.graph()
        var noise = Noise(seed: 12)
        let direction = try noise.tensor(problem.x.shape.dimensions)
        let cotangent = try noise.tensor(graph.type(of: graph.outputs[0]).shape.dimensions)
        let tangent = try Plan(compiling: GraphDerivative.tangent(of: graph, at: graph.outputs))
            .run([problem.x, direction])[0]
        let gradient = try Plan(compiling: GraphDerivative.adjoint(of: graph, at: graph.outputs))
            .run([problem.x, cotangent])[0]
        #expect(gradient.type == problem.x.type)
        let (forward, reverse) = (try dot(cotangent, tangent), try dot(gradient, direction))
        let scale = try norm(cotangent) * norm(tangent) + norm(gradient) * norm(direction)
        #expect(abs(forward - reverse) <= 1e-4 * scale + 1e-9, "\(forward) and \(reverse)")
    }

    @Test("The distance to given values and its gradient agree with central differences to 1 %")
    func distances() throws {
        var problem = try DerivativeCase("two cuts of one network", [1, 2, 6, 6])
        let weights = try problem.constant([4, 2, 3, 3])
        problem.node(
            "a", .convolution(Convolution(window: Window(kernel: [3, 3], pads: [1, 1, 1, 1]))), ["x", weights])
        problem.node("b", .activation(Activation(.tanh)), ["a"])
        problem.node("c", .globalPooling(GlobalPooling(.average)), ["b"])
        let graph = try problem.graph()
        var noise = Noise(seed: 3)
        let targets = try ["b", "c"].map { try noise.tensor(graph.type(of: $0).shape.dimensions) }
        let plan = try Plan(compiling: GraphDerivative.distanceGradient(of: graph, at: ["b", "c"]))
        let direction = try noise.tensor(problem.x.shape.dimensions)
        func distance(_ factor: Float) throws -> Double {
            Double(try plan.run([try moved(problem.x, by: direction, factor)] + targets)[0].floats()[0])
        }
        let outputs = try plan.run([problem.x] + targets)
        let expected = try (distance(0.005) - distance(-0.005)) / 0.01
        let found = try dot(outputs[1], direction)
        #expect(abs(found - expected) <= 0.01 * abs(expected))
        // Half of the squared distance, by hand.
        let values = try ReferenceExecutor(try graph.exposing(["b", "c"])).run([problem.x])
        let byHand = try zip(values, targets).reduce(0.0) { sum, pair in
            let apart = try moved(pair.0, by: pair.1, -1)
            return sum + (try dot(apart, apart)) / 2
        }
        #expect(abs(Double(try outputs[0].floats()[0]) - byHand) <= 1e-5 * byHand)
    }

    @Test("A value that does not depend on the input has a tangent and a gradient of zeros")
    func isZeroWhereNothingDepends() throws {
        var problem = try DerivativeCase("a rounded input", [1, 3])
        problem.node("y", .activation(Activation(.floor)), ["x"])
        let graph = try problem.graph()
        let tangent = try GraphDerivative.tangent(of: graph, at: ["y"])
        #expect(try Plan(compiling: tangent).run([problem.x, problem.x])[0].floats() == [0, 0, 0])
        let adjoint = try GraphDerivative.adjoint(of: graph, at: ["y"])
        #expect(try Plan(compiling: adjoint).run([problem.x, problem.x])[0].floats() == [0, 0, 0])
    }

    @Test("The error for a node without a derivative names it")
    func namesWhatItCannot() throws {
        var problem = try DerivativeCase("reflecting", [1, 1, 4, 4])
        problem.node("mirror", .pad(Pad(.reflect, pads: [0, 0, 1, 1, 0, 0, 1, 1])), ["x"])
        let graph = try problem.graph()
        let error = #expect(throws: DifferentiationError.self) {
            try GraphDerivative.tangent(of: graph, at: ["mirror"])
        }
        #expect(error?.message.contains("node 'mirror' (Pad)") == true)
        #expect(throws: DifferentiationError.self) { try GraphDerivative.adjoint(of: graph, at: ["nothing"]) }
    }
}
