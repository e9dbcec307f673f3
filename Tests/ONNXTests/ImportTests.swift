// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import ONNXFormat
import ONNXImport
import ReferenceInference
import Tensors
import TestSupport
import Testing

@Suite struct ImportTests {
    @Test("Nodes are sorted topologically, and nodes that no output depends on are removed")
    func order() throws {
        let model = try ONNXModelProto.make(nodes: [
            .make("Relu", ["a"], ["y"], name: "last"),
            .make("NoSuchOperator", ["x"], ["unused"], name: "dead"),
            .make("Tanh", ["x"], ["a"], name: "first"),
        ]).load()
        #expect(model.graph.nodes.map(\.name) == ["first", "last"])
        #expect(model.notes.count == 1)
    }

    @Test("Missing and duplicate node names are replaced, and other names kept")
    func names() throws {
        let graph = try ONNXModelProto.make(nodes: [
            .make("Relu", ["x"], ["a"], name: "n"), .make("Relu", ["a"], ["b"], name: "n"),
            .make("Relu", ["b"], ["c"]), .make("Relu", ["c"], ["y"], name: "Relu_2"),
        ]).load().graph
        #expect(graph.nodes.map(\.name) == ["n", "Relu_1", "Relu_2_2", "Relu_2"])
    }

    @Test("A Sum of several operands becomes named additions")
    func sum() throws {
        let graph = try ONNXModelProto.make(
            inputs: [("x", [2]), ("b", [2]), ("c", [2])], nodes: [.make("Sum", ["x", "b", "c"], ["y"], name: "s")]
        ).load().graph
        #expect(graph.nodes.map(\.name) == ["s_0", "s"])
        let inputs = try [[1, 2], [10, 20], [100, 200]].map { try Tensor($0.map(Float.init), shape: [2]) }
        #expect(try ReferenceExecutor(graph).run(inputs)[0].floats() == [111, 222])
    }

    @Test("Shape arithmetic of exporters is folded to a reshape that is valid for every batch size")
    func shapeArithmetic() throws {
        // x.view(x.size(0), -1) as PyTorch exports it.
        let proto = ONNXModelProto.make(
            inputs: [("x", [-1, 3, 4, 4])],
            nodes: [
                .make("Shape", ["x"], ["shape"]),
                .make("Constant", [], ["zero"], ["value": .tensor(.integers("", [0]))]),
                .make("Gather", ["shape", "zero"], ["batch"], ["axis": .integer(0)]),
                .make("Mul", ["batch", "one"], ["product"]),
                .make("Concat", ["product", "open"], ["target"], ["axis": .integer(0)]),
                .make("Reshape", ["x", "target"], ["y"]),
            ], initializers: [.integers("open", [-1]), .integers("one", [1])])
        let graph = try proto.load(settings: ONNXImportSettings(batch: 2)).graph
        #expect(graph.nodes.map(\.operation) == [.reshape(Reshape([0, -1]))])
        #expect(graph.type(of: "y").shape.dimensions == [2, 48])
        #expect(try graph.withBatch(5).type(of: "y").shape.dimensions == [5, 48])
    }

    @Test("float16 and float64 weights become float32, with and without a cast")
    func wideWeights() throws {
        var half = ONNXTensorProto.make("h", [2], .float16)
        half.int32Data = [0x3C00, 0xC000].map(Int32.init)
        var double = ONNXTensorProto.make("d", [2], .double)
        double.doubleData = [0.5, 4]
        let cast = ONNXAttributeProto.integer(Int64(ONNXTensorProto.DataType.float.rawValue))
        let graph = try ONNXModelProto.make(
            inputs: [("x", [2])],
            nodes: [
                .make("Cast", ["h"], ["h32"], ["to": cast]), .make("Cast", ["d"], ["d32"], ["to": cast]),
                .make("Mul", ["x", "h32"], ["a"]), .make("Add", ["a", "d32"], ["y"]),
            ], initializers: [half, double]
        ).load().graph
        #expect(try ReferenceExecutor(graph).run([Tensor([Float(3), 5], shape: [2])])[0].floats() == [3.5, -6])

        let direct = ONNXModelProto.make(
            inputs: [("x", [2])], nodes: [.make("Mul", ["x", "d"], ["y"])], initializers: [double])
        #expect(
            try ReferenceExecutor(direct.load().graph).run([Tensor([Float(3), 5], shape: [2])])[0].floats() == [
                1.5, 20,
            ])
    }

    @Test("An input with an initialiser is a constant")
    func defaultedInput() throws {
        let graph = try ONNXModelProto.make(
            inputs: [("x", [2]), ("w", [2])], nodes: [.make("Mul", ["x", "w"], ["y"])],
            initializers: [.floats("w", [2, 3], [2])]
        ).load().graph
        #expect(graph.inputs.map(\.name) == ["x"])
        #expect(Set(graph.constants.keys) == ["w"])
    }

    @Test("An open height is refused until a shape is given, which must match")
    func openHeight() throws {
        let proto = ONNXModelProto.make(inputs: [("x", [-1, 3, -2, 4])], nodes: [.make("Relu", ["x"], ["y"])])
        let error = #expect(throws: ONNXImportError.self) { try proto.load() }
        #expect(error?.code == .inputShape && error?.message.contains("'d2'") == true)
        let graph = try proto.load(settings: ONNXImportSettings(inputShapes: ["x": [7, 3, 9, 4]])).graph
        #expect(graph.type(of: "y").shape.dimensions == [7, 3, 9, 4])
        for shape in [[1, 3, 9], [1, 4, 9, 4], [1, 3, -9, 4]] {
            let error = #expect(throws: ONNXImportError.self) {
                try proto.load(settings: ONNXImportSettings(inputShapes: ["x": shape]))
            }
            #expect(error?.code == .inputShape)
        }
    }

    @Test("A result may be an input or a constant")
    func trivialOutputs() throws {
        let graph = try ONNXModelProto.make(
            inputs: [("x", [2])], outputs: ["x", "w"], nodes: [], initializers: [.floats("w", [2, 3], [2])]
        ).load().graph
        let outputs = try ReferenceExecutor(graph).run([Tensor([Float(4), 5], shape: [2])])
        #expect(try outputs.map { try $0.floats() } == [[4, 5], [2, 3]])
    }
}
