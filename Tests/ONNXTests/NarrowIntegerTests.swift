// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import ONNXFormat
import ONNXImport
import ReferenceInference
import Tensors
import TestSupport
import Testing

/// Integers of 8 and 16 bits wrap around in a file. What may leave the range is refused; constants wrap around as in
/// ONNX Runtime (`OperatorVectorTests`).
@Suite("8-bit and 16-bit integers")
struct NarrowIntegerTests {
    /// One input `x` of this type, and constants `c` of 8 or 16 bits, and `i` of 32.
    private static func model(
        _ type: ONNXTensorProto.DataType, _ nodes: [ONNXNodeProto], constant: Int32 = 10,
        of constantType: ONNXTensorProto.DataType? = nil
    ) -> ONNXModelProto {
        var c = ONNXTensorProto.make("c", [1], constantType ?? type)
        c.int32Data = [constant]
        var floats = ONNXTensorProto.make("f", [1], .float)
        floats.floatData = [Float(constant)]
        let kept = ONNXNodeProto.make("Cast", ["r"], ["y"], ["to": .integer(1)])
        var proto = ONNXModelProto.make(
            opset: 18, inputs: [("x", [1, 3, 2, 2])], nodes: nodes + [kept],
            initializers: [c, floats, .integers("axes", [2, 3]), .floats("s", [1, 1, 2, 2], [4])])
        proto.graph.input[0].type.tensorType.elemType = Int32(type.rawValue)
        return proto
    }

    private static func cast(_ input: String, _ output: String, _ type: ONNXTensorProto.DataType) -> ONNXNodeProto {
        .make("Cast", [input], [output], name: "n", ["to": .integer(Int64(type.rawValue))])
    }

    private static func text(_ value: String) -> ONNXAttributeProto {
        var attribute = ONNXAttributeProto()
        attribute.type = .string
        attribute.s = Data(value.utf8)
        return attribute
    }

    static let wrapping: [(name: String, proto: ONNXModelProto, remedy: String)] = [
        ("a sum of uint8", model(.uint8, [.make("Add", ["x", "c"], ["r"], name: "n")]), "Cast to float32"),
        ("a difference of uint8", model(.uint8, [.make("Sub", ["x", "c"], ["r"], name: "n")]), "Cast to float32"),
        ("a product of int8", model(.int8, [.make("Mul", ["x", "x"], ["r"], name: "n")]), "Cast to float32"),
        ("a sum of int16", model(.int16, [.make("Add", ["x", "x"], ["r"], name: "n")]), "Cast to float32"),
        ("a product of uint16", model(.uint16, [.make("Mul", ["x", "c"], ["r"], name: "n")]), "Cast to float32"),
        ("a magnitude of int8", model(.int8, [.make("Abs", ["x"], ["r"], name: "n")]), "Cast to float32"),
        ("a negation of int16", model(.int16, [.make("Neg", ["x"], ["r"], name: "n")]), "Cast to float32"),
        (
            "a quotient of int16 by -1",
            model(.int16, [.make("Div", ["x", "c"], ["r"], name: "n")], constant: -1), "Cast to float32"
        ),
        ("a cast of floats to uint8", model(.float, [cast("x", "r", .uint8)]), "Clip"),
        ("a cast of floats to int16", model(.float, [cast("x", "r", .int16)]), "Clip"),
        ("a cast of int32 to uint16", model(.int32, [cast("x", "r", .uint16)]), "Clip"),
        ("a cast of uint8 to int8", model(.uint8, [cast("x", "r", .int8)]), "Clip"),
        (
            "a cast beyond a clip",
            model(.float, [.make("Clip", ["x", "", "f"], ["l"]), cast("l", "r", .uint8)], constant: 255), "Clip"
        ),
        (
            "a cast like uint8", model(.float, [.make("CastLike", ["x", "c"], ["r"], name: "n")], of: .uint8), "Clip"
        ),
        (
            "a sum of parts of uint8",
            model(
                .uint8,
                [
                    .make("Split", ["x"], ["a", "b"], ["axis": .integer(2), "num_outputs": .integer(2)]),
                    .make("Add", ["a", "b"], ["r"], name: "n"),
                ]), "Cast to float32"
        ),
        (
            "a sum of levels of uint16",
            model(
                .float,
                [
                    .make("QuantizeLinear", ["x", "f", "c"], ["q"]), .make("Add", ["q", "c"], ["r"], name: "n"),
                ], of: .uint16), "Cast to float32"
        ),
    ]

    @Test(
        "Arithmetic that may overflow 8 or 16 bits is refused with the cast to insert, as a graph and as a classifier",
        arguments: wrapping.indices)
    func wraps(_ index: Int) throws {
        let (name, proto, remedy) = Self.wrapping[index]
        for isClassifier in [false, true] {
            var settings = ONNXImportSettings()
            settings.isClassifier = isClassifier
            let error = try #require(
                #expect(throws: ONNXImportError.self, "\(name)") { try proto.load(settings: settings) })
            #expect(error.code == .unsupported, "\(error)")
            #expect(error.message.contains("wraps around"), "\(error)")
            #expect(error.message.contains(remedy) || error.message.contains("cast it to float32 first"), "\(error)")
        }
    }

    static let rounding: [ONNXModelProto] = [
        model(.int32, [.make("ReduceMean", ["x", "axes"], ["r"], name: "n")], of: .int16),
        model(.uint8, [.make("Resize", ["x", "", "s"], ["r"], name: "n", ["mode": text("linear")])]),
    ]

    @Test("A mean or interpolation of integers, which ONNX rounds, is refused", arguments: rounding.indices)
    func rounds(_ index: Int) throws {
        var settings = ONNXImportSettings()
        settings.isClassifier = true
        let error = try #require(
            #expect(throws: ONNXImportError.self) { try Self.rounding[index].load(settings: settings) })
        #expect(error.code == .unsupported)
        #expect(error.message.contains("is rounded to integers: insert a Cast to float32"), "\(error)")
    }

    /// Nodes on pixels, and their results for the pixels 0, 1, 7, 8, 100, 127, 128, 200, 253, 254, 254, 255.
    static let exact: [(nodes: [ONNXNodeProto], expected: [Float])] = [
        (
            [.make("Div", ["x", "c"], ["r"])],
            [0, 0, 0, 0, 10, 12, 12, 20, 25, 25, 25, 25]
        ),
        (
            [.make("Mod", ["x", "c"], ["r"])],
            [0, 1, 7, 8, 0, 7, 8, 0, 3, 4, 4, 5]
        ),
        (
            [.make("Div", ["x", "c"], ["d"]), .make("Mul", ["d", "c"], ["r"])],
            [0, 0, 0, 0, 100, 120, 120, 200, 250, 250, 250, 250]
        ),
        (
            [.make("Max", ["x", "c"], ["m"]), .make("Sub", ["m", "c"], ["r"])],
            [0, 0, 0, 0, 90, 117, 118, 190, 243, 244, 244, 245]
        ),
        (
            [cast("x", "w", .int16), .make("Add", ["w", "w"], ["d"]), .make("Neg", ["d"], ["r"])],
            [0, -2, -14, -16, -200, -254, -256, -400, -506, -508, -508, -510]
        ),
        (
            [.make("Resize", ["x", "", "one"], ["r"])],
            [0, 1, 7, 8, 100, 127, 128, 200, 253, 254, 254, 255]
        ),
        // Floats of pixels do not wrap around.
        (
            [cast("x", "w", .float), .make("Sub", ["w", "f"], ["d"]), .make("Mul", ["d", "f"], ["r"])],
            [-100, -90, -30, -20, 900, 1170, 1180, 1900, 2430, 2440, 2440, 2450]
        ),
    ]

    @Test("Arithmetic within the range is computed", arguments: exact.indices)
    func stays(_ index: Int) throws {
        let (nodes, expected) = Self.exact[index]
        var proto = Self.model(.uint8, nodes)
        proto.graph.initializer.append(.floats("one", [1, 1, 1, 1], [4]))
        var settings = ONNXImportSettings()
        settings.isClassifier = true
        let graph = try proto.load(settings: settings).graph
        let pixels = try Tensor([Float(0), 1, 7, 8, 100, 127, 128, 200, 253, 254, 254, 255], shape: [1, 3, 2, 2])
        #expect(try #require(try ReferenceExecutor(graph).run([pixels]).first).floats() == expected)
    }

    @Test("Float arithmetic on channels-last or padded pixels is not treated as integer overflow")
    func channelsLast() throws {
        func load(_ nodes: [ONNXNodeProto]) throws {
            var proto = Self.model(.uint8, nodes)
            proto.graph.input[0] = ONNXModelProto.make(inputs: [("x", [1, 2, 2, 3])], nodes: []).graph.input[0]
            proto.graph.input[0].type.tensorType.elemType = Int32(ONNXTensorProto.DataType.uint8.rawValue)
            var settings = ONNXImportSettings()
            settings.isClassifier = true
            _ = try proto.load(settings: settings)
        }
        let moved = ONNXNodeProto.make("Transpose", ["w"], ["t"], ["perm": .integers([0, 3, 1, 2])])
        let cast = Self.cast("x", "w", .float)
        try load([cast, moved, .make("Sub", ["t", "f"], ["r"])])
        try load([cast, moved, .make("Div", ["t", "f"], ["d"]), .make("Sub", ["d", "f"], ["r"])])
        try load([cast, .make("Identity", ["w"], ["t"]), .make("Sub", ["t", "f"], ["r"])])
        // The limits of a padding that is no number are unknown.
        var pad = ONNXModelProto.make(
            opset: 18, inputs: [("x", [1, 3, 2, 2])],
            nodes: [
                .make("Pad", ["x", "pads", "none"], ["p"]), Self.cast("p", "q", .uint8), Self.cast("q", "y", .float),
            ],
            initializers: [.integers("pads", [0, 0, 1, 1, 0, 0, 1, 1]), .floats("none", [.nan], [])])
        pad.graph.name = "g"
        #expect(throws: ONNXImportError.self) { try pad.load(settings: ONNXImportSettings()) }
    }
}
