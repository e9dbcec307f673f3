// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import ReferenceInference
import Tensors
import TestSupport
import Testing

/// A small graph with random constants and inputs, written line by line.
struct Problem: Sendable, CustomTestStringConvertible {
    let testDescription: String
    private(set) var inputs: [Value] = []
    var nodes: [Node] = []
    private(set) var constants: [String: Tensor] = [:]
    private(set) var given: [Tensor] = []
    var outputs: [String] = []
    /// Relative to the largest output.
    var tolerance: Float = 1e-5
    private var noise: Noise

    init(_ description: String, seed: UInt64 = 1) {
        testDescription = description
        noise = Noise(seed: seed)
    }

    mutating func input(_ name: String, _ shape: [Int]) throws {
        let tensor = try noise.tensor(shape)
        inputs.append(Value(name: name, type: tensor.type))
        given.append(tensor)
    }

    mutating func constant(_ name: String, _ shape: [Int], in range: ClosedRange<Float> = -1...1) throws {
        constants[name] = try noise.tensor(shape, in: range)
    }

    mutating func constant(_ name: String, _ tensor: Tensor) { constants[name] = tensor }

    /// Gives this for the input that was added last.
    mutating func give(_ tensor: Tensor) { given[given.count - 1] = tensor }

    /// A node that makes the value of its own name, which is the result unless another node follows.
    mutating func node(_ name: String, _ operation: ModelGraph.Operation, _ inputs: String...) {
        nodes.append(Node(name: name, operation: operation, inputs: inputs, outputs: [name]))
        outputs = [name]
    }

    func graph() throws -> Graph {
        try Graph(name: testDescription, inputs: inputs, outputs: outputs, nodes: nodes, constants: constants)
    }

    /// Compiles and runs the graph, expects what the reference computes, and returns the plan.
    @discardableResult
    func check(threads: Int = 1, sourceLocation: SourceLocation = #_sourceLocation) throws -> Plan {
        let graph = try graph()
        var options = PlanOptions(threads: threads)
        options.verifiesPasses = true
        let plan = try Plan(compiling: graph, options: options)
        #expect(plan.outputs.map(\.type) == graph.outputs.map(graph.type), sourceLocation: sourceLocation)
        let expected = try ReferenceExecutor(graph).run(given)
        // Twice, since a run must leave nothing behind that the next one reads.
        for _ in 0..<2 {
            let actual = try plan.run(given)
            #expect(actual.count == expected.count, sourceLocation: sourceLocation)
            for (a, b) in zip(actual, expected) {
                try expectClose(
                    a, b, relativeToLargest: tolerance, "\(testDescription)", sourceLocation: sourceLocation)
            }
        }
        return plan
    }
}

extension Plan {
    func rewrites(by pass: String) -> [String] { rewrites.filter { $0.pass == pass }.map(\.node) }
    var kinds: [String] { steps.map(\.kind).filter { $0 != "reorder" } }
}
