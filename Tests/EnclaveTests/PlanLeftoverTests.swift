// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import SecretMemory
import Tensors
import TestSupport
import Testing

/// Weights of which no byte is written anywhere but in wiped memory.
private struct PatternModel {
    let pattern = MemoryPattern()
    private var starts: [String: Int] = [:]
    private var constants: [String: Tensor] = [:]
    private var nodes: [Node] = []
    private var end = 0

    /// Numbers of 1 to 2, from the pattern.
    mutating func constant(_ name: String, _ shape: [Int]) throws {
        let start = end
        starts[name] = start
        constants[name] = Tensor(type: TensorType(.float32, try Shape(shape)), allocator: .wiping) { target in
            for index in target.indices { target[index] = Self.number(pattern, start + index) }
        }
        end += 4 * shape.reduce(1, *)
    }

    mutating func constant(_ name: String, integers shape: [Int], _ value: (Int) -> Int8) throws {
        constants[name] = Tensor(type: TensorType(.int8, try Shape(shape)), allocator: .wiping) { target in
            for index in target.indices { target[index] = UInt8(bitPattern: value(index)) }
        }
    }

    mutating func node(_ name: String, _ operation: ModelGraph.Operation, _ inputs: String...) {
        nodes.append(Node(name: name, operation: operation, inputs: inputs, outputs: [name]))
    }

    /// Hands the constants over: this value keeps none.
    mutating func graph(input: [Int]) throws -> Graph {
        defer { constants = [:] }
        return try Graph(
            name: "pattern", inputs: [Value(name: "x", type: TensorType(.float32, try Shape(input)))],
            outputs: [nodes[nodes.count - 1].name], nodes: nodes, constants: constants)
    }

    /// How often the first eight numbers of a constant are in memory.
    func occurrences(_ name: String) -> Int {
        pattern.occurrences(start: starts[name] ?? 0, count: 32, byte: Self.number)
    }

    /// The same outside the pages that are left out of dumps.
    func occurrencesInDumps(_ name: String) -> Int {
        pattern.occurrences(start: starts[name] ?? 0, count: 32, inDumps: true, byte: Self.number)
    }

    private static func number(_ pattern: MemoryPattern, _ index: Int) -> UInt8 {
        switch index % 4 {
        case 2: pattern.byte(index) | 0x80
        case 3: 0x3F
        default: pattern.byte(index)
        }
    }
}

@Suite("Weights that a plan leaves in ordinary memory")
struct PlanLeftoverTests {
    /// Compiles and runs a graph; meanwhile the constants are in secret pages only, and afterwards nowhere.
    private static func check(
        _ model: inout PatternModel, input: [Int], constants: [String], held: [String], _ options: PlanOptions
    ) throws {
        do {
            let plan = try Plan(compiling: try model.graph(input: input), options: options)
            let zeros = Tensor(type: plan.inputs[0].type) { _ in }
            _ = try plan.run([zeros])
            for name in constants { #expect(model.occurrencesInDumps(name) == 0, "\(name) of a plan") }
            for name in held { #expect(model.occurrences(name) >= 1, "\(name) is part of the plan") }
        }
        for name in constants { #expect(model.occurrences(name) == 0, "\(name) after the plan") }
    }

    @Test("A plan with biases, batch normalisations and channel arithmetic leaves no copy of them in ordinary memory")
    func channelScalings() async {
        await #expect(processExitsWith: .success) {
            var model = PatternModel()
            try model.constant("w", [16, 8, 1, 1])
            let channels = ["bias", "gamma", "beta", "mean", "variance", "g2", "b2", "m2", "v2"]
            for name in channels { try model.constant(name, [16]) }
            for name in ["factor", "addend"] { try model.constant(name, [1, 16, 1, 1]) }
            let normalization = Operation.batchNormalization(BatchNormalization(epsilon: 1e-5))
            model.node("c", .convolution(Convolution(window: Window(kernel: [1, 1]))), "x", "w", "bias")
            model.node("n", normalization, "c", "gamma", "beta", "mean", "variance")
            model.node("f", .arithmetic(Arithmetic(.multiply)), "n", "factor")
            model.node("r", .activation(Activation(.relu)), "f")
            // No convolution before it: it stays, as factors of its own.
            model.node("n2", normalization, "r", "g2", "b2", "m2", "v2")
            model.node("y", .arithmetic(Arithmetic(.add)), "n2", "addend")
            try Self.check(
                &model, input: [1, 8, 4, 4], constants: ["w", "factor", "addend"] + channels, held: [],
                PlanOptions(allocator: .wiping))
        }
    }

    @Test("A plan with weights kept as 8-bit integers leaves no copy of their scales in ordinary memory")
    func keptIntegers() async {
        await #expect(processExitsWith: .success) {
            var model = PatternModel()
            try model.constant("w.s", [32])
            try model.constant("b", [32])
            try model.constant("w.q", integers: [16, 32]) { Int8(truncatingIfNeeded: $0 % 251 - 125) }
            try model.constant("w.z", integers: [32]) { _ in 0 }
            model.node("w", .dequantizeLinear(DequantizeLinear(axis: 1)), "w.q", "w.s", "w.z")
            model.node("p", .matMul(MatMul()), "x", "w")
            model.node("y", .arithmetic(Arithmetic(.add)), "p", "b")
            var options = PlanOptions(allocator: .wiping)
            options.maximumExpandedBytes = 0
            try Self.check(
                &model, input: [1, 20, 16], constants: ["w.s", "b"], held: ["w.s"], options)
        }
    }
}
