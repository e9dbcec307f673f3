// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat
import ONNXImport
import ReferenceInference
import Tensors
import Testing

/// Files that fix a batch of four: one image at a time if the layers keep images apart, else refused.
@Suite("Fixed batch sizes")
struct FixedBatchTests {
    private static var classifier: ONNXImportSettings {
        var settings = ONNXImportSettings()
        settings.isClassifier = true
        return settings
    }

    /// A network on `[4, 3, 4, 4]`.
    struct Network: Sendable, CustomTestStringConvertible {
        let name: String
        let nodes: [ONNXNodeProto]
        var initializers: [ONNXTensorProto] = []
        /// The node that the error names.
        var node = ""

        var testDescription: String { name }
        var proto: ONNXModelProto {
            .make(inputs: [("x", [4, 3, 4, 4])], nodes: nodes, initializers: initializers)
        }
    }

    private static func ramp(_ name: String, _ dimensions: [Int64]) -> ONNXTensorProto {
        let count = Int(dimensions.reduce(1, *))
        return .floats(name, (0..<count).map { Float($0 * 37 % 101) / 50 - 1 }, dimensions)
    }

    private static func bytes(_ name: String, _ values: [Int32], _ dimensions: [Int64]) -> ONNXTensorProto {
        var tensor = ONNXTensorProto.make(name, dimensions, .int8)
        tensor.int32Data = values
        return tensor
    }

    private static let separable: [Network] = [
        Network(
            name: "convolution, normalisation, pooling, linear layer",
            nodes: [
                .make("Conv", ["x", "w"], ["c"]), .make("Relu", ["c"], ["r"]),
                .make("MaxPool", ["r"], ["m"], ["kernel_shape": .integers([2, 2])]),
                .make("GlobalAveragePool", ["m"], ["g"]), .make("Flatten", ["g"], ["f"]),
                .make("Gemm", ["f", "v", "b"], ["y"]),
            ],
            // Constant folding gave the bias a row for each image.
            initializers: [
                ramp("w", [5, 3, 1, 1]), ramp("v", [5, 2]), .floats("b", [1, 2, 1, 2, 1, 2, 1, 2], [4, 2]),
            ]),
        Network(
            name: "attention in windows, which share the first axis with the images",
            nodes: [
                .make("Reshape", ["x", "cells"], ["a"]),
                .make("Transpose", ["a"], ["b"], ["perm": .integers([0, 2, 4, 3, 5, 1])]),
                .make("Reshape", ["b", "windows"], ["q"]),
                .make("Transpose", ["q"], ["k"], ["perm": .integers([0, 2, 1])]),
                .make("MatMul", ["q", "k"], ["s"]), .make("Reshape", ["s", "apart"], ["t"]),
                .make("Add", ["t", "mask"], ["u"]), .make("Reshape", ["u", "together"], ["v"]),
                .make("Softmax", ["v"], ["p"], ["axis": .integer(-1)]), .make("MatMul", ["p", "q"], ["o"]),
                .make("Reshape", ["o", "rows"], ["y"]),
            ],
            initializers: [
                .integers("cells", [4, 3, 2, 2, 2, 2]), .integers("windows", [16, 4, 3]),
                .integers("apart", [4, 4, 4, 4]), .integers("together", [-1, 4, 4]), .integers("rows", [4, 48]),
                ramp("mask", [1, 4, 4, 4]),
            ]),
        Network(
            name: "tokens before images, with images and heads in one axis",
            nodes: [
                .make("Reshape", ["x", "pixels"], ["a"]),
                .make("Transpose", ["a"], ["b"], ["perm": .integers([2, 0, 1])]),
                .make("Reshape", ["b", "flat"], ["c"]), .make("Gemm", ["c", "w"], ["d"]),
                .make("Reshape", ["d", "heads"], ["e"]),
                .make("Transpose", ["e"], ["f"], ["perm": .integers([1, 0, 2])]),
                .make("Transpose", ["e"], ["g"], ["perm": .integers([1, 2, 0])]),
                .make("MatMul", ["f", "g"], ["h"]), .make("Softmax", ["h"], ["p"], ["axis": .integer(-1)]),
                .make("MatMul", ["p", "f"], ["o"]),
                .make("Transpose", ["o"], ["q"], ["perm": .integers([1, 0, 2])]),
                .make("Reshape", ["q", "joined"], ["r"]),
                .make("ReduceMean", ["r"], ["y"], ["axes": .integers([0]), "keepdims": .integer(0)]),
            ],
            initializers: [
                .integers("pixels", [4, 3, 16]), .integers("flat", [64, 3]), ramp("w", [3, 4]),
                .integers("heads", [16, 8, 2]), .integers("joined", [16, 4, 4]),
            ]),
        Network(
            name: "a quantised class token, a row for each image",
            nodes: [
                .make("QuantizeLinear", ["tokens", "scale", "point"], ["q"]),
                .make("DequantizeLinear", ["q", "scale", "point"], ["t"]),
                .make("Reshape", ["x", "rows"], ["a"]), .make("Concat", ["t", "a"], ["c"], ["axis": .integer(2)]),
                .make("Softmax", ["c"], ["s"], ["axis": .integer(2)]), .make("Flatten", ["s"], ["y"]),
            ],
            initializers: [
                .floats("tokens", [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3], [4, 3, 1]), .floats("scale", [0.05], []),
                bytes("point", [0], []), .integers("rows", [4, 3, 16]),
            ]),
        Network(
            name: "two views of each image in one batch, whose scores are averaged",
            nodes: [
                .make("Slice", ["x", "end", "start", "last", "back"], ["mirrored"]),
                .make("Concat", ["x", "mirrored"], ["both"], ["axis": .integer(0)]),
                .make("Flatten", ["both"], ["f"]), .make("MatMul", ["f", "w"], ["s"]),
                .make("Split", ["s"], ["first", "second"], ["axis": .integer(0)]),
                .make("Mean", ["first", "second"], ["y"]),
            ],
            initializers: [
                .integers("end", [-1]), .integers("start", [-100]), .integers("last", [3]), .integers("back", [-1]),
                ramp("w", [48, 2]),
            ]),
        Network(
            name: "a selection of a token, and a squeeze of what has one element",
            nodes: [
                .make("Reshape", ["x", "tokens"], ["t"]),
                .make("Gather", ["t", "zero"], ["g"], ["axis": .integer(1)]),
                .make("Unsqueeze", ["g", "one"], ["u"]), .make("Squeeze", ["u"], ["y"]),
            ],
            initializers: [
                .integers("tokens", [4, 16, 3]), zero, .integers("one", [1]),
            ]),
    ]

    private static var zero: ONNXTensorProto {
        var tensor = ONNXTensorProto.make("zero", [], .int64)
        tensor.int64Data = [0]
        return tensor
    }

    @Test(
        "Layers that do not mix images give for one image the result that the model gives among four",
        arguments: separable)
    func oneImage(_ network: Network) throws {
        let values = (0..<192).map { Float($0 * 29 % 97) / 50 - 1 }
        let whole = try network.proto.load().graph
        let expected = try ReferenceExecutor(whole).run([try Tensor(values, shape: [4, 3, 4, 4])])[0].floats()
        let model = try network.proto.load(settings: Self.classifier)
        #expect(model.graph.inputs[0].type.shape.dimensions == [1, 3, 4, 4])
        #expect(model.notes.contains("The batch of 4 is taken as 1."))
        let rows = expected.count / 4
        for image in 0..<4 {
            let part = try Tensor(Array(values[image * 48..<(image + 1) * 48]), shape: [1, 3, 4, 4])
            let answer = try ReferenceExecutor(model.graph).run([part])[0]
            #expect(answer.shape.dimensions.first == 1 && answer.shape.elementCount == rows)
            let differences = zip(try answer.floats(), expected[image * rows..<(image + 1) * rows]).map { abs($0 - $1) }
            #expect(differences.allSatisfy { $0 < 1e-5 })
        }
    }

    @Test("A batch size other than one gives the same results", arguments: separable)
    func otherBatch(_ network: Network) throws {
        let values = (0..<192).map { Float($0 * 29 % 97) / 50 - 1 }
        let whole = try network.proto.load().graph
        let expected = try ReferenceExecutor(whole).run([try Tensor(values, shape: [4, 3, 4, 4])])[0].floats()
        var settings = Self.classifier
        settings.batch = 2
        let graph = try network.proto.load(settings: settings).graph
        let pair = try Tensor(Array(values[48..<144]), shape: [2, 3, 4, 4])
        let answer = try ReferenceExecutor(graph).run([pair])[0].floats()
        let rows = expected.count / 4
        #expect(answer.count == 2 * rows)
        #expect(zip(answer, expected[rows..<3 * rows]).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    private static let mixing: [Network] = [
        Network(
            name: "softmax over the images",
            nodes: [
                .make("Softmax", ["x"], ["s"], name: "soft", ["axis": .integer(0)]), .make("Flatten", ["s"], ["y"]),
            ], node: "soft"),
        Network(
            name: "the mean of the images is subtracted",
            nodes: [
                .make("ReduceMean", ["x"], ["m"], name: "mean", ["axes": .integers([0])]),
                .make("Sub", ["x", "m"], ["d"]), .make("Flatten", ["d"], ["y"]),
            ], node: "mean"),
        Network(
            name: "a constant that differs for each image",
            nodes: [.make("Flatten", ["x"], ["f"]), .make("Add", ["f", "each"], ["y"], name: "shift")],
            initializers: [.floats("each", [0, 1, 2, 3], [4, 1])], node: "shift"),
        Network(
            name: "similarities between images",
            nodes: [
                .make("Flatten", ["x"], ["f"]), .make("Transpose", ["f"], ["t"], ["perm": .integers([1, 0])]),
                .make("MatMul", ["f", "t"], ["y"], name: "similarity"),
            ], node: "similarity"),
        Network(
            name: "a matrix that combines the images",
            nodes: [.make("Flatten", ["x"], ["f"]), .make("MatMul", ["w", "f"], ["y"], name: "combine")],
            initializers: [ramp("w", [4, 4])], node: "combine"),
        Network(
            name: "the images in reverse order",
            nodes: [
                .make("Slice", ["x", "end", "start", "first", "back"], ["r"], name: "turn"),
                .make("Flatten", ["r"], ["y"]),
            ],
            initializers: [
                .integers("end", [-1]), .integers("start", [-100]), .integers("first", [0]), .integers("back", [-1]),
            ], node: "turn"),
        Network(
            name: "each image joined with its neighbour",
            nodes: [.make("Reshape", ["x", "pairs"], ["p"], name: "pairs"), .make("Flatten", ["p"], ["y"])],
            initializers: [.integers("pairs", [2, 6, 4, 4])], node: "pairs"),
        Network(
            name: "the images as channels",
            nodes: [
                .make("Transpose", ["x"], ["t"], ["perm": .integers([1, 0, 2, 3])]),
                .make("Conv", ["t", "w"], ["c"], name: "mix"),
                .make("Transpose", ["c"], ["b"], ["perm": .integers([1, 0, 2, 3])]), .make("Flatten", ["b"], ["y"]),
            ], initializers: [ramp("w", [4, 4, 1, 1])], node: "mix"),
        Network(
            name: "another row beside the images",
            nodes: [
                .make("Concat", ["x", "more"], ["c"], name: "join", ["axis": .integer(0)]),
                .make("Flatten", ["c"], ["y"]),
            ], initializers: [ramp("more", [4, 3, 4, 4])], node: "join"),
        Network(
            name: "the largest value of all images",
            nodes: [
                .make("ReduceMax", ["x"], ["m"], name: "largest"), .make("Div", ["x", "m"], ["d"]),
                .make("Flatten", ["d"], ["y"]),
            ], node: "largest"),
        Network(
            name: "scores with the images last",
            nodes: [
                .make("Flatten", ["x"], ["f"]), .make("Transpose", ["f"], ["y"], ["perm": .integers([1, 0])]),
            ], node: "output 'y'"),
    ]

    @Test("A layer that mixes images is refused by name, with the export command", arguments: mixing)
    func refused(_ network: Network) throws {
        let error = #expect(throws: ONNXImportError.self) {
            try network.proto.load(settings: Self.classifier)
        }
        #expect(error?.code == .inputShape)
        #expect(error?.message.contains(network.node) == true)
        #expect(error?.message.contains("dynamic_axes={'x': {0: 'batch'}}") == true)
        // The file itself is valid: only its use for one image is not.
        _ = try network.proto.load()
    }
}
