// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import ONNXFormat
import ONNXImport
import ReferenceInference
import Tensors
import Testing

/// Forms that exporters and quantisers write, with answers worked out by hand.
@Suite("Exporter variants")
struct ExporterFormTests {
    /// What reference and engine make of one input of floats, which agree.
    private func answer(_ proto: ONNXModelProto, _ values: [Float], _ shape: [Int]) throws -> [Float] {
        let graph = try proto.load().graph
        let input = try Tensor(values, shape: shape)
        let reference = try ReferenceExecutor(graph).run([input])[0].floats()
        let engine = try Plan(compiling: graph).run([input])[0].floats()
        try #require(reference.count == engine.count)
        for (expected, found) in zip(reference, engine) { #expect(abs(expected - found) <= 1e-5 * (1 + abs(expected))) }
        return reference
    }

    static func graphAttribute(
        inputs: [String], outputs: [String], nodes: [ONNXNodeProto], initializers: [ONNXTensorProto] = []
    ) -> ONNXAttributeProto {
        var attribute = ONNXAttributeProto()
        attribute.type = .graph
        attribute.g =
            ONNXModelProto.make(
                inputs: inputs.map { ($0, []) }, outputs: outputs, nodes: nodes, initializers: initializers
            ).graph
        return attribute
    }

    private static func boolean(_ name: String, _ value: Bool) -> ONNXTensorProto {
        var tensor = ONNXTensorProto.make(name, [], .bool)
        tensor.int32Data = [value ? 1 : 0]
        return tensor
    }

    private static func integer(_ name: String, _ value: Int64) -> ONNXTensorProto {
        var tensor = ONNXTensorProto.make(name, [], .int64)
        tensor.int64Data = [value]
        return tensor
    }

    private static func bytes(
        _ name: String, _ values: [Int32], _ shape: [Int64], _ type: ONNXTensorProto.DataType = .uint8
    ) -> ONNXTensorProto {
        var tensor = ONNXTensorProto.make(name, shape, type)
        tensor.int32Data = values
        return tensor
    }

    // MARK: Loops and lists

    /// x is doubled in each round while the round is below `last`; the rounds' values are stacked.
    private static func loop(trips: Int64, last: Int64) -> ONNXModelProto {
        let body = graphAttribute(
            inputs: ["round", "going", "v"], outputs: ["goes", "doubled", "scan"],
            nodes: [
                .make("Add", ["v", "v"], ["doubled"]), .make("Identity", ["doubled"], ["scan"]),
                .make("Less", ["round", "last"], ["goes"]),
            ])
        return .make(
            inputs: [("x", [2])], outputs: ["y"],
            nodes: [
                .make("Loop", ["trips", "yes", "x"], ["end", "all"], name: "l", ["body": body]),
                .make("Concat", ["all", "end_row"], ["y"], ["axis": .integer(0)]),
                .make("Unsqueeze", ["end", "zero"], ["end_row"]),
            ],
            initializers: [
                integer("trips", trips), boolean("yes", true), integer("last", last), .integers("zero", [0]),
            ])
    }

    @Test("A loop with a known trip count is unrolled, and its scan outputs are stacked")
    func loops() throws {
        #expect(try answer(Self.loop(trips: 3, last: 100), [1, 5], [2]) == [2, 10, 4, 20, 8, 40, 8, 40])
        // The loop continues after rounds 0 and 1, and ends after round 2.
        #expect(try answer(Self.loop(trips: 100, last: 1), [1, 5], [2]) == [2, 10, 4, 20, 4, 20])
    }

    @Test("An endless loop, and a loop whose end depends on the picture, are refused quickly")
    func endless() throws {
        let clock = ContinuousClock()
        let time = try clock.measure {
            let error = try #require(
                #expect(throws: ONNXImportError.self) { try Self.loop(trips: .max, last: .max).load() })
            #expect(error.code == .tooLarge)
            #expect(error.message.contains("rounds of loops"))
        }
        #expect(time < .seconds(600), "\(time)")
        let body = Self.graphAttribute(
            inputs: ["round", "going", "v"], outputs: ["goes", "doubled"],
            nodes: [
                .make("Add", ["v", "v"], ["doubled"]), .make("ReduceSum", ["v"], ["s"], ["keepdims": .integer(0)]),
                .make("Less", ["s", "limit"], ["goes"]),
            ])
        let proto = ONNXModelProto.make(
            inputs: [("x", [2])],
            nodes: [.make("Loop", ["trips", "yes", "x"], ["y"], name: "l", ["body": body])],
            initializers: [
                Self.integer("trips", 9), Self.boolean("yes", true), .floats("limit", [3], []),
            ])
        let error = try #require(#expect(throws: ONNXImportError.self) { try proto.load() })
        #expect(error.code == .unsupported)
        #expect(error.message.contains("depends on the picture"))
    }

    @Test("Sequence operators are resolved at import: split, at, insert, concatenate and stack")
    func sequences() throws {
        let proto = ONNXModelProto.make(
            inputs: [("x", [4])],
            nodes: [
                .make("SplitToSequence", ["x", "two"], ["parts"], ["axis": .integer(0)]),
                .make("SequenceAt", ["parts", "last"], ["tail"]),
                .make("SequenceAt", ["parts", "first"], ["head"]),
                .make("SequenceConstruct", ["tail", "head"], ["turned"]),
                .make("Neg", ["head"], ["negative"]),
                .make("SequenceInsert", ["turned", "negative", "first"], ["three"]),
                .make("SequenceLength", ["three"], ["count"]),
                .make("Cast", ["count"], ["number"], ["to": .integer(1)]),
                .make(
                    "ConcatFromSequence", ["three"], ["stacked"], ["axis": .integer(-1), "new_axis": .integer(1)]),
                .make("Mul", ["stacked", "number"], ["y"]),
            ], initializers: [Self.integer("two", 2), Self.integer("last", -1), Self.integer("first", 0)])
        // Rows of [-head, tail, head], times their number.
        #expect(try answer(proto, [1, 2, 3, 4], [4]) == [-3, 9, 3, -6, 12, 6])
        let outside = ONNXModelProto.make(
            inputs: [("x", [4])],
            nodes: [
                .make("SplitToSequence", ["x"], ["parts"]), .make("SequenceAt", ["parts", "place"], ["y"]),
            ], initializers: [Self.integer("place", 4)])
        let error = #expect(throws: ONNXImportError.self) { try outside.load() }
        #expect(error?.message.contains("position 4 of 4") == true)
    }

    @Test("CastLike casts to the type of its second operand")
    func castLike() throws {
        let proto = ONNXModelProto.make(
            opset: 19, inputs: [("x", [3])],
            nodes: [
                .make("CastLike", ["x", "whole"], ["w"]), .make("CastLike", ["w", "x"], ["f"]),
                .make("Add", ["f", "half"], ["y"]),
            ], initializers: [.integers("whole", [0]), .floats("half", [0.5], [1])])
        #expect(try answer(proto, [1.75, -1.75, 3], [3]) == [1.5, -0.5, 3.5])
    }

    // MARK: Integers

    @Test("MatMulInteger and ConvInteger accept a zero point per column and per channel")
    func zeroPoints() throws {
        let products = ONNXModelProto.make(
            inputs: [("x", [1, 2])],
            nodes: [
                .make("QuantizeLinear", ["x", "one", "shift"], ["a"]),
                .make("MatMulInteger", ["a", "w", "shift", "zeros"], ["i"]),
                .make("Cast", ["i"], ["y"], ["to": .integer(1)]),
            ],
            initializers: [
                .floats("one", [1], []), Self.bytes("shift", [7], []), Self.bytes("w", [1, 200, 3, 4], [2, 2]),
                Self.bytes("zeros", [2, 190], [2]),
            ])
        // (2 - 7 + 7) etc.: x by [[-1, 10], [1, -186]].
        #expect(try answer(products, [2, 3], [1, 2]) == [1, 20 - 558])
        let convolution = ONNXModelProto.make(
            inputs: [("x", [1, 1, 1, 2])],
            nodes: [
                .make("QuantizeLinear", ["x", "one", "shift"], ["a"]),
                .make("ConvInteger", ["a", "w", "shift", "zeros"], ["i"]),
                .make("Cast", ["i"], ["y"], ["to": .integer(1)]),
            ],
            initializers: [
                .floats("one", [1], []), Self.bytes("shift", [7], []), Self.bytes("w", [5, 200], [2, 1, 1, 1]),
                Self.bytes("zeros", [2, 190], [2]),
            ])
        #expect(try answer(convolution, [2, 3], [1, 1, 1, 2]) == [6, 9, 20, 30])
        var wrong = products
        wrong.graph.initializer.removeLast()
        wrong.graph.initializer.append(Self.bytes("zeros", [1, 2, 3], [3]))
        let error = #expect(throws: ONNXImportError.self) { try wrong.load() }
        #expect(error?.code == .unsupported)
    }

    @Test("Blockwise 4-bit weights that ONNX Runtime does not run are refused", arguments: [8, 24, 512])
    func blocks(_ block: Int) throws {
        for (operatorName, kind) in [("MatMulBnb4", "quant_type"), ("MatMulNBits", "bits")] {
            // A power of two is an exporter's block of the second.
            if operatorName == "MatMulNBits", block == 512 { continue }
            var node = ONNXNodeProto.make(
                operatorName, ["x", "w", "s"], ["y"], name: "m",
                [
                    "K": .integer(1024), "N": .integer(1), "block_size": .integer(Int64(block)),
                    kind: .integer(kind == "bits" ? 4 : 1),
                ])
            node.domain = "com.microsoft"
            let blocks = Int64((1024 + block - 1) / block)
            let count = kind == "bits" ? blocks * Int64(block / 2) : 512
            let model = ONNXModelProto.make(
                inputs: [("x", [1, 1024])], nodes: [node],
                initializers: [
                    Self.bytes("w", [Int32](repeating: 0, count: Int(count)), [count]),
                    .floats("s", [Float](repeating: 1, count: Int(blocks)), [blocks]),
                ])
            let error = #expect(throws: ONNXImportError.self) { try model.load() }
            #expect(error?.message.contains("blocks of \(block)") == true)
        }
    }

    @Test("ONNX Runtime's 8-bit operators give equal results with channels last and channels first")
    func channelsLast() throws {
        func node(
            _ operatorName: String, _ inputs: [String], _ output: String, _ attributes: [String: ONNXAttributeProto]
        )
            -> ONNXNodeProto
        {
            var node = ONNXNodeProto.make(operatorName, inputs, [output], name: output, attributes)
            node.domain = "com.microsoft"
            return node
        }
        func model(isLast: Bool) -> ONNXModelProto {
            let flag = ONNXAttributeProto.integer(isLast ? 1 : 0)
            let window: [String: ONNXAttributeProto] = [
                "kernel_shape": .integers([2, 1]), "strides": .integers([1, 1]), "channels_last": flag,
            ]
            var nodes: [ONNXNodeProto] = [.make("QuantizeLinear", ["x", "s", "z"], ["q"])]
            let turn = ONNXAttributeProto.integers([0, 2, 3, 1])
            if isLast { nodes.append(.make("Transpose", ["q"], ["t"], ["perm": turn])) }
            nodes.append(
                node(
                    "QLinearConv", [isLast ? "t" : "q", "s", "z", "w", "ws", "wz", "s", "z", "bias"], "c",
                    ["kernel_shape": .integers([1, 1]), "channels_last": flag]))
            nodes.append(node("QLinearAveragePool", ["c", "s", "z", "s", "z"], "p", window))
            if isLast {
                nodes.append(node("NhwcMaxPool", ["p"], "m", ["kernel_shape": .integers([1, 2])]))
                nodes.append(.make("Transpose", ["m"], ["r"], ["perm": .integers([0, 3, 1, 2])]))
            } else {
                nodes.append(.make("MaxPool", ["p"], ["r"], ["kernel_shape": .integers([1, 2])]))
            }
            nodes.append(.make("DequantizeLinear", ["r", "s", "z"], ["y"]))
            return .make(
                inputs: [("x", [1, 2, 3, 3])], nodes: nodes,
                initializers: [
                    .floats("s", [0.5], []), Self.bytes("z", [3], []),
                    Self.bytes("w", [1, -2, 3, 4, -5, 6], [3, 2, 1, 1], .int8), .floats("ws", [0.25], []),
                    Self.bytes("wz", [0], [], .int8), Self.bytes("bias", [8, 0, -8], [3], .int32),
                ])
        }
        let values = (0..<18).map { Float($0 % 7) - 2 }
        let expected = try answer(model(isLast: false), values, [1, 2, 3, 3])
        #expect(expected.count == 3 * 2 * 2)
        #expect(Set(expected).count > 3)
        #expect(try answer(model(isLast: true), values, [1, 2, 3, 3]) == expected)
    }
}
