// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat
import ONNXImport
import ReferenceInference
import Tensors
import Testing

/// Inputs and outputs as exporters write them: open extents, fixed batches, quantised scores.
@Suite("Forms of classifiers")
struct ClassifierFormTests {
    private static func classifier(
        _ change: (inout ONNXImportSettings) -> Void = { _ in }
    ) -> ONNXImportSettings {
        var settings = ONNXImportSettings()
        settings.isClassifier = true
        change(&settings)
        return settings
    }

    // MARK: Open extents

    private static func pooled(_ extents: [Int64]) -> ONNXModelProto {
        .make(inputs: [("x", extents)], nodes: [.make("ReduceMean", ["x"], ["y"], ["axes": .integers([1, 2])])])
    }

    @Test(
        "Extents that the model leaves open are those of the tensor that it is run on",
        arguments: [
            ([-1, 3, -2, -3], [5, 3, 8, 9], [1, 3, 8, 9]), ([-1, -2, -3, 3], [1, 8, 9, 3], [1, 3, 8, 9]),
            ([-1, -2, 3], [8, 9, 3], [1, 3, 8, 9]), ([-1, 3, -2, 9], [1, 3, 8, 9], [1, 3, 8, 9]),
        ] as [([Int64], [Int], [Int])])
    func tensorShape(_ declared: [Int64], _ given: [Int], _ expected: [Int]) throws {
        let proto = Self.pooled(declared)
        #expect(throws: ONNXImportError.self) { try proto.load(settings: Self.classifier()) }
        let graph = try proto.load(settings: Self.classifier { $0.tensorShape = given }).graph
        #expect(graph.inputs[0].type.shape.dimensions == expected)
    }

    @Test(
        "A tensor that does not fit the model fixes nothing", arguments: [[1, 4, 8, 9], [3, 8, 9], [1, 3, 0, 9], []])
    func otherTensor(_ given: [Int]) throws {
        let error = #expect(throws: ONNXImportError.self) {
            try Self.pooled([-1, 3, -2, -3]).load(settings: Self.classifier { $0.tensorShape = given })
        }
        #expect(error?.code == .inputShape)
        #expect(error?.message.contains("--shape 1,3,224,224") == true)
    }

    // MARK: Fixed batches

    /// A transformer's beginning, exported with a batch of 4: the token is expanded to it, and shapes name it.
    private static func batched(_ tokens: [ONNXNodeProto], _ more: [ONNXTensorProto] = []) -> ONNXModelProto {
        .make(
            inputs: [("x", [4, 3, 4, 4])],
            nodes: tokens + [
                .make("Reshape", ["x", "rows"], ["patches"]),
                .make("Transpose", ["patches"], ["t"], ["perm": .integers([0, 2, 1])]),
                .make("Concat", ["tokens", "t"], ["joined"], ["axis": .integer(1)]),
                .make("Softmax", ["joined"], ["s"], ["axis": .integer(1)]),
                .make("Reshape", ["s", "windows"], ["w"]), .make("Tanh", ["w"], ["h"]),
                .make("Reshape", ["h", "back"], ["y"]),
            ],
            initializers: [
                .integers("rows", [4, 3, -1]), .integers("windows", [4, 17, 3]), .integers("back", [-1, 51]),
                .floats("token", [0.1, 0.2, 0.3], [1, 1, 3]), .integers("extents", [4, 1, 3]),
                .integers("repeats", [4, 1, 1]),
            ] + more)
    }

    @Test(
        "A file of four images, whose shapes name the four, gives for one image what it gives for each of four",
        arguments: ["Expand", "Tile"])
    func fixedBatch(_ operatorName: String) throws {
        let proto = Self.batched([
            .make(operatorName, ["token", operatorName == "Expand" ? "extents" : "repeats"], ["tokens"])
        ])
        let values = (0..<192).map { Float($0 * 37 % 101) / 50 - 1 }
        let whole = try proto.load().graph
        let expected = try ReferenceExecutor(whole).run([try Tensor(values, shape: [4, 3, 4, 4])])[0].floats()
        let single = try proto.load(settings: Self.classifier()).graph
        #expect(single.inputs[0].type.shape.dimensions == [1, 3, 4, 4])
        for image in 0..<4 {
            let part = try Tensor(Array(values[image * 48..<(image + 1) * 48]), shape: [1, 3, 4, 4])
            let answer = try ReferenceExecutor(single).run([part])[0].floats()
            #expect(zip(answer, expected[image * 51..<(image + 1) * 51]).allSatisfy { abs($0 - $1) < 1e-6 })
        }
    }

    @Test(
        "A file of four images whose layers mix them, or differ for each, is refused with the command that exports it")
    func mixedBatch() throws {
        let different = Self.batched(
            [.make("Identity", ["each"], ["tokens"])],
            [.floats("each", (0..<12).map { Float($0) }, [4, 1, 3])])
        let mixing = ONNXModelProto.make(
            inputs: [("x", [4, 3, 4, 4])],
            nodes: [
                .make("ReduceMean", ["x"], ["m"], ["axes": .integers([0])]), .make("Sub", ["x", "m"], ["d"]),
                .make("Reshape", ["d", "rows"], ["y"]),
            ], initializers: [.integers("rows", [2, 96])])
        for proto in [different, mixing] {
            let error = #expect(throws: ONNXImportError.self) { try proto.load(settings: Self.classifier()) }
            #expect(error?.code == .inputShape)
            #expect(error?.message.contains("dynamic_axes") == true)
        }
    }

    // MARK: Quantised scores

    private static func quantised(_ last: [ONNXNodeProto]) -> ONNXModelProto {
        var point = ONNXTensorProto.make("point", [], .int8)
        point.int32Data = [-128]
        return .make(
            inputs: [("x", [1, 3, 1, 1])],
            nodes: [.make("Flatten", ["x"], ["f"]), .make("Softmax", ["f"], ["s"], ["axis": .integer(1)])] + last,
            initializers: [.floats("scale", [1 / 256], []), point])
    }

    @Test("The quantisation of scores is left out, with a note: the answer is the scores before it")
    func quantisedScores() throws {
        let proto = Self.quantised([.make("QuantizeLinear", ["s", "scale", "point"], ["y"])])
        let model = try proto.load(settings: Self.classifier())
        #expect(model.graph.outputs == ["s"])
        #expect(model.notes.contains { $0.contains("quantisation of output 'y' is left out") })
        #expect(model.graph.type(of: "s").element == .float32)
    }

    @Test("Scores that an operator makes as integers are the same numbers in float32")
    func integerScores() throws {
        var identity = ONNXNodeProto.make("Identity", ["q"], ["y"])
        identity.name = "last"
        let proto = Self.quantised([.make("QuantizeLinear", ["s", "scale", "point"], ["q"]), identity])
        let graph = try proto.load(settings: Self.classifier()).graph
        let logits: [Float] = [0, 0, 100]
        let answer = try ReferenceExecutor(graph).run([try Tensor(logits, shape: [1, 3, 1, 1])])[0]
        #expect(try answer.floats() == [-128, -128, 127])
    }
}
