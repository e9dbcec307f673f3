// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import ReferenceInference
import Tensors
import TestSupport
import Testing

/// A small graph with random constants and inputs, to which tests add nodes one by one.
struct Problem: Sendable, CustomTestStringConvertible {
    let testDescription: String
    private(set) var inputs: [Value] = []
    var nodes: [Node] = []
    private(set) var constants: [String: Tensor] = [:]
    private(set) var given: [Tensor] = []
    var outputs: [String] = []
    /// The tolerance of ``check(threads:sourceLocation:)``, relative to the largest element of an output.
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

    /// Replaces the random tensor of the input that was added last.
    mutating func give(_ tensor: Tensor) { given[given.count - 1] = tensor }

    /// Adds a node whose value has the node's name. The value of the last node is the graph's output.
    mutating func node(_ name: String, _ operation: ModelGraph.Operation, _ inputs: String...) {
        nodes.append(Node(name: name, operation: operation, inputs: inputs, outputs: [name]))
        outputs = [name]
    }

    /// Adds QuantizeLinear and DequantizeLinear of `input`. The result is `name`.
    mutating func round(
        _ name: String, _ input: String, step: Float = 0.1, zero: Int = 0, _ element: ElementType = .uint8,
        stepAfter: Float? = nil, zeroAfter: Int? = nil
    ) throws {
        func number(_ value: Int) throws -> Tensor {
            Tensor(type: TensorType(element, try Shape([]))) { $0[0] = UInt8(truncatingIfNeeded: value) }
        }
        constant("\(name).s", try Tensor([step], shape: []))
        constant("\(name).z", try number(zero))
        constant("\(name).s'", try Tensor([stepAfter ?? step], shape: []))
        constant("\(name).z'", try number(zeroAfter ?? zero))
        node("\(name).q", .quantizeLinear(QuantizeLinear(axis: 1)), input, "\(name).s", "\(name).z")
        node(name, .dequantizeLinear(DequantizeLinear(axis: 1)), "\(name).q", "\(name).s'", "\(name).z'")
    }

    /// Adds constant 8-bit integers and their DequantizeLinear, with one scale or one for each index of the axis. The
    /// result is `name`.
    mutating func integers(
        _ name: String, _ shape: [Int], axis: Int, zero: Int8 = 0, scales: Int? = nil,
        scale: (Int) -> Float = { 0.001 * Float($0 + 1) }
    ) throws {
        let channels = scales ?? shape[axis]
        let ofScales = channels == 1 ? [] : [channels]
        constant(
            "\(name).q",
            Tensor(type: TensorType(.int8, try Shape(shape))) { bytes in
                for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: (index * 37) % 255 - 127) }
            })
        constant("\(name).s", try Tensor((0..<channels).map(scale), shape: ofScales))
        constant(
            "\(name).z",
            Tensor(type: TensorType(.int8, try Shape(ofScales))) { bytes in
                for index in bytes.indices { bytes[index] = UInt8(bitPattern: zero) }
            })
        node(name, .dequantizeLinear(DequantizeLinear(axis: axis)), "\(name).q", "\(name).s", "\(name).z")
    }

    func graph() throws -> Graph {
        try Graph(name: testDescription, inputs: inputs, outputs: outputs, nodes: nodes, constants: constants)
    }

    /// Compiles and runs the graph, compares the outputs with those of the reference, and returns the plan.
    @discardableResult
    func check(threads: Int = 1, sourceLocation: SourceLocation = #_sourceLocation) throws -> Plan {
        let graph = try graph()
        var options = PlanOptions(threads: threads)
        options.verifiesPasses = true
        let plan = try Plan(compiling: graph, options: options)
        #expect(plan.outputs.map(\.type) == graph.outputs.map(graph.type), sourceLocation: sourceLocation)
        let expected = try ReferenceExecutor(graph).run(given)
        // Twice, because a run could leave something in memory that the next one reads.
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
