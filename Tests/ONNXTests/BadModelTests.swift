// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import ONNXFormat
import ONNXImport
import Tensors
import TestSupport
import Testing

/// A bad model gives a typed error that names the fault and its place; never a trap, a hang or a large allocation.
@Suite struct BadModelTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let proto: ONNXModelProto
        let code: ONNXImportError.Code
        let phrases: [String]

        init(
            _ name: String, _ proto: ONNXModelProto, _ code: ONNXImportError.Code, _ phrases: String...
        ) {
            testDescription = name
            self.proto = proto
            self.code = code
            self.phrases = phrases
        }
    }

    static let relu = ONNXNodeProto.make("Relu", ["x"], ["y"], name: "r")

    static let cases: [Case] = [
        Case(
            "an unknown operator", .make(nodes: [.make("Scan", ["x"], ["y"], name: "e")]), .unsupported,
            "node 'e'", "Scan", "opset 13", "write the loop as a for loop"),
        Case(
            "an unknown operator, before weights are read",
            .make(
                nodes: [.make("Add", ["x", "w"], ["a"]), .make("Scan", ["a"], ["y"], name: "e")],
                initializers: [.external("w", [1], ["location": "missing"])]),
            .unsupported, "node 'e'"),
        Case(
            "an operator that stays out", .make(nodes: [.make("NonMaxSuppression", ["x"], ["y"], name: "e")]),
            .unsupported, "node 'e'", "the model is a detector"),
        Case(
            "an operator on what depends on the picture", .make(nodes: [.make("NonZero", ["x"], ["y"], name: "e")]),
            .unsupported, "node 'e'", "torch.where"),
        Case("an old opset", .make(opset: 5, nodes: [relu]), .unsupported, "operator set 5", "6 to 28"),
        Case("a future opset", .make(opset: 29, nodes: [relu]), .unsupported, "operator set 29"),
        Case("an absurd opset", .make(opset: .min, nodes: [relu]), .unsupported, "operator set"),
        Case("no opset", .make(opset: nil, nodes: [relu]), .unsupported, "names no version"),
        Case(
            "an unknown attribute", .make(nodes: [.make("Relu", ["x"], ["y"], name: "r", ["alpha": .integer(1)])]),
            .unsupported, "node 'r' (Relu, opset 13)", "'alpha'"),
        Case(
            "an attribute of another type",
            .make(nodes: [.make("Flatten", ["x"], ["y"], ["axis": .integers([1])])]), .malformed, "'axis'"),
        Case(
            "indices of MaxPool",
            .make(
                outputs: ["y", "i"], nodes: [.make("MaxPool", ["x"], ["y", "i"], ["kernel_shape": .integers([2, 2])])]),
            .unsupported, "first output"),
        Case(
            "a cycle",
            .make(nodes: [.make("Add", ["x", "b"], ["a"]), .make("Relu", ["a"], ["b"]), .make("Relu", ["b"], ["y"])]),
            .invalidGraph, "depends on itself"),
        Case("a node that needs itself", .make(nodes: [.make("Add", ["x", "y"], ["y"])]), .invalidGraph, "itself"),
        Case(
            "a missing tensor", .make(nodes: [.make("Add", ["x", "w"], ["y"], name: "n")]), .invalidGraph, "'w'", "'n'"),
        Case("a missing output", .make(outputs: ["z"], nodes: [relu]), .invalidGraph, "'z'"),
        Case("no output", .make(outputs: [], nodes: [relu]), .invalidGraph, "no output"),
        Case("a value made twice", .make(nodes: [relu, .make("Tanh", ["x"], ["y"])]), .invalidGraph, "defined twice"),
        Case("an input made by a node", .make(nodes: [.make("Relu", ["x"], ["x"])]), .invalidGraph, "defined twice"),
        Case(
            "shapes that do not fit",
            .make(nodes: [.make("Add", ["x", "w"], ["y"], name: "n")], initializers: [.floats("w", [1, 2], [2])]),
            .invalidGraph, "node 'n' (Add, opset 13)", "do not broadcast"),
        Case(
            "a shape that depends on the input", .make(nodes: [.make("Reshape", ["x", "x"], ["y"])]), .unsupported,
            "not constant"),
        Case(
            "too few values", .make(nodes: [.make("Add", ["x", "w"], ["y"])], initializers: [.floats("w", [1], [2])]),
            .malformed, "constant 'w'", "8 bytes, found 4"),
        Case(
            "values without data",
            .make(nodes: [.make("Add", ["x", "w"], ["y"])], initializers: [.make("w", [1 << 29], .float)]),
            .malformed, "constant 'w'"),
        Case(
            "extents whose product overflows",
            .make(nodes: [.make("Add", ["x", "w"], ["y"])], initializers: [.make("w", [1 << 62, 1 << 62], .float)]),
            .malformed, "elements"),
        Case(
            "a negative extent",
            .make(nodes: [.make("Add", ["x", "w"], ["y"])], initializers: [.make("w", [-1], .float)]), .malformed,
            "negative"),
        Case("an absurd input", .make(inputs: [("x", [1 << 40, 1 << 40])], nodes: [relu]), .inputShape, "'x'"),
        Case(
            "a constant of 4 GB",
            .make(
                nodes: [.make("ConstantOfShape", ["s"], ["w"], name: "c"), .make("Add", ["x", "w"], ["y"])],
                initializers: [.integers("s", [1 << 30])]), .tooLarge, "node 'c'"),
        Case(
            "many constants of 1 GB in all",
            .make(
                nodes: (0..<5).map { .make("ConstantOfShape", ["s"], ["w\($0)"]) } + [
                    .make("Concat", (0..<5).map { "w\($0)" }, ["y"], ["axis": .integer(0)])
                ], initializers: [.integers("s", [1 << 26])]), .tooLarge, "exceeds"),
        Case(
            "integers that overflow",
            .make(
                nodes: [.make("Mul", ["a", "a"], ["s"]), .make("Reshape", ["x", "s"], ["y"])],
                initializers: [.integers("a", [.max])]), .invalidGraph, "overflow"),
        Case(
            "a division by 0",
            .make(
                nodes: [.make("Div", ["a", "b"], ["s"]), .make("Reshape", ["x", "s"], ["y"])],
                initializers: [.integers("a", [1]), .integers("b", [0])]), .invalidGraph, "divide by 0"),
        Case(
            "an absurd kernel",
            .make(nodes: [
                .make(
                    "MaxPool", ["x"], ["y"],
                    [
                        "kernel_shape": .integers([.max, .max]), "dilations": .integers([.max, .max]),
                    ])
            ]), .invalidGraph, "not positive"),
        Case(
            "absurd pads",
            .make(nodes: [
                .make(
                    "MaxPool", ["x"], ["y"],
                    [
                        "kernel_shape": .integers([1, 1]), "pads": .integers([.max, .max, .max, .min]),
                    ])
            ]), .invalidGraph, "padding"),
        Case(
            "an index outside",
            .make(
                nodes: [.make("Gather", ["a", "i"], ["y"])],
                initializers: [
                    .integers("a", [1]), .integers("i", [.min]),
                ]), .invalidGraph, "outside"),
        Case(
            "strings", .make(nodes: [.make("Add", ["x", "w"], ["y"])], initializers: [.make("w", [1], .string)]),
            .unsupported, "string"),
    ]

    @Test("An invalid graph is refused with the fault and its place", arguments: cases)
    func isRefused(_ bad: Case) throws {
        let error = try #require(#expect(throws: ONNXImportError.self) { try bad.proto.load() })
        #expect(error.code == bad.code, "\(error)")
        for phrase in bad.phrases { #expect(error.message.contains(phrase)) }
    }

    @Test(
        "Bytes that are not a model are refused",
        arguments: [
            [], Array("a text file named .onnx\n".utf8), Array("{\"json\": true}".utf8),
            [UInt8](repeating: 0, count: 64),
            [UInt8](repeating: 0xFF, count: 64),
            [0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07] + [UInt8](repeating: 8, count: 1000),
            [UInt8](repeating: 0x0B, count: 100_000), [UInt8](repeating: 0x3A, count: 100_000),
        ] as [[UInt8]])
    func noModel(_ bytes: [UInt8]) {
        let error = #expect(throws: ONNXImportError.self) { try ONNXModel(bytes: Data(bytes)) }
        #expect(error?.code == .malformed)
        #expect(error?.message.contains("not an ONNX model") == true)
    }

    @Test("Every truncation and every changed byte gives a model or a typed error")
    func mutations() throws {
        let proto = ONNXModelProto.make(
            nodes: [
                .make("Conv", ["x", "w"], ["a"], ["pads": .integers([1, 1, 1, 1]), "strides": .integers([2, 2])]),
                .make("MaxPool", ["a"], ["b"], ["kernel_shape": .integers([2, 2])]),
                .make("Shape", ["b"], ["s"]), .make("Slice", ["s", "zero", "one"], ["n"]),
                .make("Concat", ["n", "rest"], ["t"], ["axis": .integer(0)]), .make("Reshape", ["b", "t"], ["c"]),
                .make("Softmax", ["c"], ["y"], ["axis": .integer(1)]),
            ],
            initializers: [
                .floats("w", [Float](repeating: 1, count: 2 * 3 * 3 * 3), [2, 3, 3, 3]), .integers("zero", [0]),
                .integers("one", [1]), .integers("rest", [-1]),
            ])
        let bytes = try proto.fileBytes()
        _ = try ONNXModel(bytes: bytes)
        var refused = 0
        func attempt(_ bytes: Data) {
            do throws(ONNXImportError) { _ = try ONNXModel(bytes: bytes) } catch { refused += 1 }
        }
        for count in 0..<bytes.count { attempt(bytes.prefix(count)) }
        // At most a truncation of the last output names leaves a valid model.
        #expect(refused > bytes.count * 9 / 10)
        for index in bytes.indices {
            for change: UInt8 in [0x01, 0x7F, 0x80, 0xFF] {
                var changed = bytes
                changed[index] ^= change
                attempt(changed)
            }
        }
    }

    @Test("A name from the file cannot lengthen or break the lines of a message")
    func longNames() throws {
        let name = "\u{1B}[31m\n" + String(repeating: "n", count: 100_000)
        let proto = ONNXModelProto.make(nodes: [.make("Relu", ["w"], ["y"], name: name)])
        let error = try #require(#expect(throws: ONNXImportError.self) { try proto.load() })
        #expect(error.message.utf8.count < 3000)
        #expect(!error.message.unicodeScalars.contains { $0.value < 32 })
    }

    @Test("A chain of 100,000 nodes is read without recursion, and a chain over the limit is refused")
    func longChain() throws {
        func chain(_ count: Int) -> ONNXModelProto {
            .make(
                outputs: ["v\(count)"],
                nodes: [.make("Relu", ["x"], ["v1"])]
                    + (1..<count).reversed().map { .make("Relu", ["v\($0)"], ["v\($0 + 1)"]) })
        }
        #expect(try chain(100_000).load().graph.nodes.count == 100_000)
        let error = #expect(throws: ONNXImportError.self) { try chain(Graph.maximumNodes + 1).load() }
        #expect(error?.code == .tooLarge)
    }

    @Test(
        "A constant with many axes is folded in one pass, and excessively many indices are refused",
        .timeLimit(.minutes(60))
    )
    func foldedWork() throws {
        // 2^22 booleans over 12 axes, of a file of some hundred bytes.
        let shape = ONNXTensorProto.integers("s", [Int64](repeating: 4, count: 11) + [1])
        var flag = ONNXTensorProto.make("f", [1], .bool)
        flag.int32Data = [1]
        let expanded = ONNXModelProto.make(
            nodes: [
                .make("Expand", ["f", "s"], ["e"]), .make("Not", ["e"], ["n"]),
                .make("Where", ["n", "x", "x"], ["y"], name: "w"),
            ], initializers: [shape, flag])
        let clock = ContinuousClock()
        let time = clock.measure { _ = try? expanded.load() }
        #expect(time < .seconds(600), "\(time)")

        let gathered = ONNXModelProto.make(
            nodes: [
                .make("ConstantOfShape", ["n"], ["i"], ["value": .tensor(.integers("v", [0]))]),
                .make("Gather", ["x", "i"], ["y"], name: "g"),
            ], initializers: [.integers("n", [1 << 24])])
        let error = #expect(throws: ONNXImportError.self) { try gathered.load() }
        #expect(error?.code == .tooLarge)
        #expect(error?.message.contains("indices") == true, "\(error?.message ?? "")")
    }

    /// A file of `nodes`, which compute `last` from constants of these extents, filled with 1.
    private static func asking(
        _ extents: [String: [Int64]], of type: ONNXTensorProto.DataType = .float, _ nodes: [ONNXNodeProto],
        _ last: String = "c", _ more: [ONNXTensorProto] = []
    ) -> ONNXModelProto {
        var one = ONNXTensorProto.make("v", [1], type)
        if type == .float {
            one.floatData = [1]
        } else if type == .int64 {
            one.int64Data = [1]
        } else {
            one.int32Data = [1]
        }
        return .make(
            opset: 17,
            nodes: extents.keys.sorted().map {
                .make("ConstantOfShape", ["\($0)_extents"], [$0], ["value": .tensor(one)])
            }
                + nodes + [.make("Cast", [last], ["f"], ["to": .integer(1)]), .make("Add", ["x", "f"], ["y"])],
            initializers: extents.map { .integers("\($0.key)_extents", $0.value) } + more)
    }

    @Test(
        "Constants, arrays and steps that a small file could enlarge are refused before memory is allocated",
        arguments: [
            // One constant of 2^25 elements; many of 2^22; booleans, of which arrays take eight times the memory.
            asking(["c": [1 << 25]], []),
            asking(
                Dictionary(uniqueKeysWithValues: (0..<9).map { ("c\($0)", [1 << 22]) }),
                [.make("Sum", (0..<9).map { "c\($0)" }, ["c"])]),
            asking(["a": [1 << 23]], of: .bool, [.make("Xor", ["a", "a"], ["c"])]),
            // Outer products of comparisons and remainders.
            asking(["a": [1 << 13, 1], "b": [1, 1 << 13]], of: .int64, [.make("Mod", ["a", "b"], ["c"])]),
            asking(["a": [1 << 13, 1], "b": [1, 1 << 13]], of: .int64, [.make("Equal", ["a", "b"], ["c"])]),
            // Twelve numbers for each element; repeated work on one constant.
            asking(["a": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 << 22]], [.make("NonZero", ["a"], ["c"])]),
            asking(
                ["a": [1 << 22]],
                (0..<40).map { .make("ReduceMax", ["a"], ["m\($0)"]) }
                    + [.make("Sum", (0..<40).map { "m\($0)" }, ["c"])]),
            asking(["a": [1 << 22]], of: .int64, [.make("TopK", ["a", "k"], ["c", "i"])], "c", [.integers("k", [1])]),
            asking(
                ["a": [1 << 11, 1 << 11]],
                (0..<8).map { .make("Pow", ["a", "a"], ["p\($0)"]) }
                    + [.make("Sum", (0..<8).map { "p\($0)" }, ["c"])]),
        ])
    func hostileConstants(_ proto: ONNXModelProto) throws {
        let error = try #require(#expect(throws: ONNXImportError.self) { try proto.load() })
        #expect(error.code == .tooLarge, "\(error.message)")
        #expect(error.message.contains("onnxslim"))
    }

    @Test("A convolution or pooling of large constants is left to the engine, which is faster")
    func largeLayers() throws {
        let convolved = ONNXModelProto.make(
            nodes: [.make("Conv", ["p", "w"], ["c"]), .make("Add", ["c", "x"], ["y"])],
            initializers: [
                .floats("p", [Float](repeating: 1, count: 64 * 64 * 64), [1, 64, 64, 64]),
                .floats("w", [Float](repeating: 1, count: 64 * 64 * 9), [64, 64, 3, 3]),
            ])
        let pooled = ONNXModelProto.make(
            nodes: [
                .make(
                    "MaxPool", ["p"], ["c"],
                    [
                        "kernel_shape": .integers([4000, 4000]), "pads": .integers([3999, 3999, 3999, 3999]),
                        "strides": .integers([4000, 4000]),
                    ]), .make("Add", ["c", "x"], ["y"]),
            ], initializers: [.floats("p", [1], [1, 1, 1, 1])])
        for (proto, extents) in [(convolved, [1, 64, 62, 62]), (pooled, [1, 3, 4, 4])] as [(ONNXModelProto, [Int64])] {
            var proto = proto
            for (axis, extent) in extents.enumerated() {
                proto.graph.input[0].type.tensorType.shape.dim[axis].dimValue = extent
            }
            #expect(try proto.load().graph.nodes.count == 2)
        }
    }

    @Test("A constant in a function counts for each inlining, beyond the file's own bytes")
    func inlinedConstants() throws {
        func calls(_ count: Int) -> ONNXModelProto {
            var function = ONNXFunctionProto()
            (function.name, function.domain, function.input, function.output) = ("f", "own", ["a"], ["b"])
            function.node = [
                .make(
                    "Constant", [], ["k"],
                    ["value": .tensor(.floats("k", [Float](repeating: 1, count: 1 << 20), [1 << 20]))]),
                .make("ReduceMax", ["k"], ["m"], ["keepdims": .integer(0)]), .make("Add", ["a", "m"], ["b"]),
            ]
            var proto = ONNXModelProto.make(
                outputs: ["v\(count)"],
                nodes: (0..<count).map { index in
                    var call = ONNXNodeProto.make("f", [index == 0 ? "x" : "v\(index)"], ["v\(index + 1)"])
                    call.domain = "own"
                    return call
                })
            proto.functions = [function]
            return proto
        }
        #expect(try calls(4).load().graph.nodes.count == 4)
        let error = #expect(throws: ONNXImportError.self) { try calls(64).load() }
        #expect(error?.code == .tooLarge, "\(error?.message ?? "")")
    }

    @Test("A small file cannot request more than 128 MiB of constants, or of work on them")
    func foldedBytes() throws {
        let (many, side) = (Int64(1) << 25, Int64(1) << 13)
        let cases: [ONNXModelProto] = [
            .make(
                nodes: [
                    .make("ConstantOfShape", ["n"], ["c"]), .make("Neg", ["c"], ["d"]),
                    .make("Add", ["x", "d"], ["y"]),
                ],
                initializers: [.integers("n", [many + 1])]),
            .make(
                nodes: [
                    .make("ConstantOfShape", ["n"], ["c"]), .make("NonZero", ["c"], ["z"]),
                    .make("Cast", ["z"], ["f"], ["to": .integer(1)]), .make("Add", ["x", "f"], ["y"]),
                ], initializers: [.integers("n", [many / 2])]),
            .make(
                nodes: [
                    .make("ConstantOfShape", ["n"], ["i"], ["value": .tensor(.integers("v", [0]))]),
                    .make("OneHot", ["i", "depth", "values"], ["o"]), .make("Add", ["x", "o"], ["y"]),
                ],
                initializers: [.integers("n", [side]), .integers("depth", [side]), .floats("values", [0, 1], [2])]),
            // Each sum is a product with a triangular table of 16 MiB.
            .make(
                opset: 14, inputs: [("x", [side / 4])], outputs: ["v9"],
                nodes: (1...9).map { .make("CumSum", [$0 == 1 ? "x" : "v\($0 - 1)", "axis"], ["v\($0)"]) },
                initializers: [.integers("axis", [0])]),
        ]
        for proto in cases {
            let error = #expect(throws: ONNXImportError.self) { try proto.load() }
            #expect(error?.code == .tooLarge, "\(error?.message ?? "")")
        }
    }

    @Test(
        "Paths to anything but a regular file are refused with the path",
        arguments: ["/", "/nowhere/model.onnx", "/dev/zero", ""])
    func paths(_ path: String) {
        let error = #expect(throws: ONNXImportError.self) { try ONNXModel.load(path: path) }
        #expect(error?.code == .unreadableFile)
        #expect(error?.message.hasPrefix("\(path): ") == true)
    }
}
