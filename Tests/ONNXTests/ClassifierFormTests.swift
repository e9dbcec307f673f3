// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat
import ONNXImport
import ReferenceInference
import Tensors
import Testing

/// Inputs and outputs as exporters write them: open extents, fixed batches, quantised scores.
@Suite("Classifier variants")
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
        "Open dimensions are taken from the tensor that the model is run on",
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
        "A tensor that does not match the model determines no dimension",
        arguments: [[1, 4, 8, 9], [3, 8, 9], [1, 3, 0, 9], []])
    func otherTensor(_ given: [Int]) throws {
        let error = #expect(throws: ONNXImportError.self) {
            try Self.pooled([-1, 3, -2, -3]).load(settings: Self.classifier { $0.tensorShape = given })
        }
        #expect(error?.code == .inputShape)
        #expect(error?.message.contains("--shape 1,3,224,224") == true)
    }

    // MARK: Flattened images

    /// Rows times a matrix, whose columns differ in every position of a row.
    private static func rows(_ extents: [Int64]) -> ONNXModelProto {
        let count = Int(extents[1])
        return .make(
            inputs: [("x", extents)], nodes: [.make("MatMul", ["x", "w"], ["y"])],
            initializers: [.floats("w", (0..<count * 2).map { Float($0 * 37 % 101) / 50 - 1 }, [Int64(count), 2])])
    }

    @Test(
        "Models for flattened images accept images of the stated shape, the preprocessing's size, or square and grey",
        arguments: [
            ([-1, 64], nil, nil, [1, 1, 8, 8]), ([1, 64], [1, 1, 4, 16], nil, [1, 1, 4, 16]),
            ([-1, 192], [1, 3, 8, 8], nil, [1, 3, 8, 8]), ([-1, 192], [1, 8, 8, 3], nil, [1, 3, 8, 8]),
            ([-1, 192], nil, [3, 4, 16], [1, 3, 4, 16]), ([-1, 64], nil, [3, 4, 16], [1, 1, 8, 8]),
        ] as [([Int64], [Int]?, [Int]?, [Int])])
    func flattened(_ declared: [Int64], _ given: [Int]?, _ size: [Int]?, _ expected: [Int]) throws {
        let model = try Self.rows(declared).load(
            settings: Self.classifier { settings in
                settings.inputShape = given
                settings.pictureSize = size.map { .init(channels: $0[0], height: $0[1], width: $0[2]) }
            })
        let shape = model.graph.inputs[0].type.shape
        #expect(shape.dimensions == expected)
        // The same numbers as the file's own rows give, whether the image or the rows are given.
        let row = try Tensor((0..<Int(declared[1])).map { Float($0 * 29 % 31) - 15 }, shape: [1, Int(declared[1])])
        let plain = try Self.rows(declared).load().graph
        let answer = try ReferenceExecutor(plain).run([row])[0].floats()
        let image = try #require(model.picture).tensor(from: row, for: shape)
        #expect(image.shape == shape)
        #expect(try ReferenceExecutor(model.graph).run([image])[0].floats() == answer)
        #expect(try #require(model.picture).tensor(from: image, for: shape).floats() == image.floats())
        // With channels last, neighbours in a row are the channels of one pixel.
        let isLast = given?.last == 3
        #expect(try image.floats()[1] == row.floats()[isLast ? 3 : 1])
    }

    @Test("Rows that are not flattened images stay rows, and a shape that does not match them is refused")
    func rows() throws {
        for extents in [[-1, 63], [-1, 65], [1, 3072]] as [[Int64]] {
            let graph = try Self.rows(extents).load(settings: Self.classifier()).graph
            #expect(graph.inputs[0].type.shape.dimensions == [1, Int(extents[1])])
        }
        let error = #expect(throws: ONNXImportError.self) {
            try Self.rows([-1, 192]).load(settings: Self.classifier { $0.inputShape = [1, 3, 8, 9] })
        }
        #expect(error?.code == .inputShape)
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
        "A model with four images in its shapes gives for one image the result that it gives among four",
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
        "A model whose layers mix its four images, or differ for each, is refused with the export command")
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

    @Test("The quantisation of the scores is removed, with a note: the answer is the scores before it")
    func quantisedScores() throws {
        let proto = Self.quantised([.make("QuantizeLinear", ["s", "scale", "point"], ["y"])])
        let model = try proto.load(settings: Self.classifier())
        #expect(model.graph.outputs == ["s"])
        #expect(model.notes.contains { $0.contains("quantisation of output 'y' is left out") })
        #expect(model.graph.type(of: "s").element == .float32)
    }

    @Test("Scores computed as integers have the same values in float32")
    func integerScores() throws {
        var identity = ONNXNodeProto.make("Identity", ["q"], ["y"])
        identity.name = "last"
        let proto = Self.quantised([.make("QuantizeLinear", ["s", "scale", "point"], ["q"]), identity])
        let graph = try proto.load(settings: Self.classifier()).graph
        let logits: [Float] = [0, 0, 100]
        let answer = try ReferenceExecutor(graph).run([try Tensor(logits, shape: [1, 3, 1, 1])])[0]
        #expect(try answer.floats() == [-128, -128, 127])
    }

    // MARK: Labels

    /// Scores of a picture, and an output for each of these tails.
    private static func labelled(_ nodes: [ONNXNodeProto], _ outputs: [String]) -> ONNXModelProto {
        let names = ONNXTensorProto.make("names", [3], .string)
        return .make(
            inputs: [("x", [1, 3, 1, 1])], outputs: outputs,
            nodes: [.make("Flatten", ["x"], ["logits"]), .make("Softmax", ["logits"], ["p"])] + nodes,
            initializers: [names])
    }

    private static func machine(
        _ name: String, _ inputs: [String], _ outputs: [String], domain: String = "ai.onnx.ml"
    ) -> ONNXNodeProto {
        var node = ONNXNodeProto.make(name, inputs, outputs)
        node.domain = domain
        return node
    }

    private static let best = ONNXNodeProto.make("ArgMax", ["p"], ["best"], ["axis": .integer(1)])

    static let tails: [(nodes: [ONNXNodeProto], outputs: [String])] = [
        ([best, .make("Gather", ["names", "best"], ["y"])], ["y"]),
        (
            [
                best, .make("Cast", ["best"], ["whole"], ["to": .integer(7)]),
                .make("Squeeze", ["whole"], ["flat"]), .make("Gather", ["names", "flat"], ["y"]),
            ], ["y"]
        ),
        (
            [
                best, .make("Cast", ["best"], ["whole"], ["to": .integer(6)]),
                machine("ArrayFeatureExtractor", ["names", "whole"], ["y"]), machine("ZipMap", ["p"], ["all"]),
            ], ["y", "all"]
        ),
        ([best, machine("LabelEncoder", ["best"], ["y"])], ["y"]),
        ([best, .make("Reshape", ["best", "shape"], ["i"]), machine("LabelEncoder", ["i"], ["y"])], ["p", "y"]),
        // The logits' label and the probabilities: the later values are the scores.
        (
            [
                .make("ArgMax", ["logits"], ["best"]), .make("Gather", ["names", "best"], ["y"]),
                machine("ZipMap", ["p"], ["all"]),
            ], ["y", "all"]
        ),
    ]

    @Test(
        "Labels of the best class are removed with a note, and the scores before them are the answer",
        arguments: tails.indices)
    func names(_ index: Int) throws {
        let tail = Self.tails[index]
        let model = try Self.labelled(tail.nodes, tail.outputs).load(settings: Self.classifier())
        #expect(model.graph.outputs == ["p"])
        #expect(model.notes.contains { $0.contains("Output 'y'") && $0.contains("left out") }, "\(model.notes)")
        let answer = try ReferenceExecutor(model.graph).run([try Tensor([Float(0), 0, 100], shape: [1, 3, 1, 1])])[0]
        // exp(-100) is 0 or a subnormal number.
        #expect(try zip(answer.floats(), [0, 0, 1]).allSatisfy { abs($0 - $1) < 1e-30 })
    }

    @Test("The best class's confidence is removed together with its label, and the scores of both are the answer")
    func confidence() throws {
        let top = ONNXNodeProto.make("TopK", ["p", "one"], ["values", "places"])
        let largest = ONNXNodeProto.make("ReduceMax", ["p"], ["sure"], ["axes": .integers([1])])
        for (nodes, outputs) in [
            ([Self.best, largest], ["best", "sure"]), ([Self.best, largest], ["sure", "best"]),
            ([top, .make("GatherElements", ["p", "places"], ["sure"], ["axis": .integer(1)])], ["places", "sure"]),
        ] {
            var proto = Self.labelled(nodes, outputs)
            proto.graph.initializer.append(.integers("one", [1]))
            #expect(try proto.load(settings: Self.classifier()).graph.outputs == ["p"], "\(outputs)")
        }
        // Without a label the output's meaning is unknown.
        #expect(throws: ONNXImportError.self) {
            try Self.labelled([largest, .make("Relu", ["p"], ["other"])], ["sure", "other"])
                .load(settings: Self.classifier())
        }
    }

    @Test("A label of the smallest value is refused, since classes are ranked by the largest")
    func smallest() throws {
        let nearest = ONNXNodeProto.make("TopK", ["p", "one"], ["values", "places"], ["largest": .integer(0)])
        for (node, outputs) in [
            (ONNXNodeProto.make("ArgMin", ["p"], ["best"], ["axis": .integer(1)]), ["best"]),
            (ONNXNodeProto.make("ArgMin", ["p"], ["best"], ["axis": .integer(1)]), ["p", "best"]),
            (nearest, ["places"]),
        ] {
            var proto = Self.labelled([node], outputs)
            proto.graph.initializer.append(.integers("one", [1]))
            let error = try #require(
                #expect(throws: ONNXImportError.self) { try proto.load(settings: Self.classifier()) })
            #expect(error.code == .output && error.message.contains("--output NAME"), "\(error)")
            #expect(error.message.contains("smallest value of 'p'"), "\(error)")
        }
        var proto = Self.labelled([.make("ArgMin", ["p"], ["best"], ["axis": .integer(1)])], ["p", "best"])
        proto.graph.initializer.append(.integers("one", [1]))
        var settings = Self.classifier()
        settings.output = "p"
        #expect(try proto.load(settings: settings).graph.outputs == ["p"])
    }

    @Test("Labels of a coarse and a fine head are refused, even if one is computed from the other")
    func hierarchy() throws {
        let nodes: [ONNXNodeProto] = [
            Self.best, .make("Relu", ["p"], ["fine"]), .make("ArgMax", ["fine"], ["second"], ["axis": .integer(1)]),
        ]
        let error = try #require(
            #expect(throws: ONNXImportError.self) {
                try Self.labelled(nodes, ["best", "second"]).load(settings: Self.classifier())
            })
        #expect(error.code == .output && error.message.contains("labels of 'fine', 'p'"), "\(error)")
    }

    @Test("Labels of two heads are refused with a list of their scores")
    func severalHeads() throws {
        let nodes: [ONNXNodeProto] = [
            .make("Relu", ["logits"], ["other"]), Self.best, .make("ArgMax", ["other"], ["second"]),
        ]
        let error = try #require(
            #expect(throws: ONNXImportError.self) {
                try Self.labelled(nodes, ["best", "second"]).load(settings: Self.classifier())
            })
        #expect(error.code == .output)
        #expect(error.message.contains("labels of 'other', 'p'"), "\(error)")
        #expect(error.message.contains("--output NAME"))
    }

    @Test("A text output without a link to scores is ignored, and the other output is the answer")
    func text() throws {
        var proto = Self.labelled([Self.machine("Describe", ["p"], ["y"], domain: "own")], ["p", "y"])
        proto.graph.output[1].type.tensorType.elemType = Int32(ONNXTensorProto.DataType.string.rawValue)
        let model = try proto.load(settings: Self.classifier())
        #expect(model.graph.outputs == ["p"])
        #expect(model.notes.contains { $0.contains("'y' (Describe) is left out") })
    }
}
