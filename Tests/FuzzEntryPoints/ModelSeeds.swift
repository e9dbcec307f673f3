// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import ModelGraph
import ONNXExport
import ONNXFormat
import ONNXImport
import Tensors

extension FuzzSeed {
    static func modelSeeds() throws -> [FuzzSeed] {
        let graph = try sampleGraph()
        let file = GraphFile.encode(graph)
        let partition = try graph.partitioned(
            front: try graph.cut(named: "relu"), mapping: try graph.cut(named: "sum"))
        let front = try FrontNetPart(
            graph: partition.front,
            normalization: PixelNormalization(mean: [128, 100, 90], std: [64, 32, 16]),
            boundaryCount: partition.backInputs.count, acceptsFloats: false)
        let noisy = try FrontNetPart(
            graph: front.graph, normalization: front.normalization, boundaryCount: front.boundaryCount,
            acceptsFloats: true, sigma: NoiseDeviation(0.25))
        let mapping = try MappingUnitPart(
            graph: partition.mapping, appliesSoftmax: false, classNames: ["cat", "dog", "newt"], topK: 2)
        return [
            FuzzSeed(.graph, "network", file), FuzzSeed(.engine, "network", file),
            FuzzSeed(.onnx, "network", Array(try ONNXFile.encode(graph))),
            FuzzSeed(.enclavePart, "frontnet", front.encoded()), FuzzSeed(.enclavePart, "mapping", mapping.encoded()),
            FuzzSeed(.enclavePart, "noisy", noisy.encoded()),
        ] + (try operatorModels()) + (try nestedModels())
    }

    /// A function of the file's own, a branch of a known condition, and an equation.
    private static func nestedModels() throws -> [FuzzSeed] {
        func node(_ name: String, _ inputs: [String], _ outputs: [String]) -> ONNXNodeProto {
            var node = ONNXNodeProto()
            (node.opType, node.input, node.output) = (name, inputs, outputs)
            return node
        }
        var call = node("twice", ["x"], ["y"])
        call.domain = "own"
        var function = ONNXFunctionProto()
        (function.name, function.domain, function.input, function.output) = ("twice", "own", ["a"], ["b"])
        function.node = [node("Add", ["a", "a"], ["c"]), node("Relu", ["c"], ["b"])]
        var called = model(call, constants[0])
        called.functions = [function]

        var condition = ONNXTensorProto()
        (condition.name, condition.dataType) = ("w", Int32(ONNXTensorProto.DataType.bool.rawValue))
        condition.int32Data = [1]
        var branch = node("If", ["w"], ["y"])
        branch.attribute = ["then_branch", "else_branch"].map { name in
            var attribute = ONNXAttributeProto()
            (attribute.name, attribute.type) = (name, .graph)
            attribute.g.node = [node(name == "then_branch" ? "Relu" : "Tanh", ["x"], ["inner"])]
            var output = ONNXValueInfoProto()
            output.name = "inner"
            attribute.g.output = [output]
            return attribute
        }
        var chosen = model(branch, condition)
        chosen.graph.initializer = [condition]

        var sum = node("Einsum", ["x", "x"], ["y"])
        var equation = ONNXAttributeProto()
        (equation.name, equation.type, equation.s) = ("equation", .string, Data("nchw,nchv->nwv".utf8))
        sum.attribute = [equation]
        return [
            FuzzSeed(.onnx, "function", Array(try called.fileBytes())),
            FuzzSeed(.onnx, "branch", Array(try chosen.fileBytes())),
            FuzzSeed(.onnx, "equation", Array(try model(sum, constants[0]).fileBytes())),
        ]
    }

    /// A network with a residual connection, a pool of each kind and most kinds of attribute.
    private static func sampleGraph() throws -> Graph {
        func values(_ shape: [Int]) throws -> Tensor {
            try Tensor((0..<shape.reduce(1, *)).map { Float($0 % 7) * 0.25 - 0.75 }, shape: shape)
        }
        let window = Window(kernel: [3, 3], pads: [1, 1, 1, 1])
        func node(_ name: String, _ operation: Operation, _ inputs: [String], _ output: String) -> Node {
            Node(name: name, operation: operation, inputs: inputs, outputs: [output])
        }
        return try Graph(
            name: "network",
            inputs: [Value(name: "image", type: TensorType(.float32, try Shape([1, 3, 6, 6])))], outputs: ["prob"],
            nodes: [
                node("conv", .convolution(Convolution(window: window)), ["image", "w1", "b1"], "c1"),
                node(
                    "norm", .batchNormalization(BatchNormalization(epsilon: 1e-5)), ["c1", "s", "b1", "m", "v"], "n1"),
                node("relu", .activation(Activation(.relu)), ["n1"], "r1"),
                node("second", .convolution(Convolution(window: window, groups: 2)), ["r1", "w2"], "c2"),
                node("sum", .arithmetic(Arithmetic(.add)), ["c2", "r1"], "sum"),
                node("pool", .globalPooling(GlobalPooling(.average)), ["sum"], "p"),
                node("flatten", .flatten(Flatten()), ["p"], "f"),
                node("fc", .gemm(Gemm(transposeB: true)), ["f", "w3"], "logits"),
                node("softmax", .softmax(Softmax(axis: 1)), ["logits"], "prob"),
            ],
            constants: [
                "w1": try values([4, 3, 3, 3]), "b1": try values([4]), "s": try values([4]), "m": try values([4]),
                "v": try Tensor([Float](repeating: 2, count: 4), shape: [4]), "w2": try values([4, 2, 3, 3]),
                "w3": try values([3, 4]),
            ])
    }

    /// A model of one node for each operator that takes `x` alone, or `x` and a constant of one of these shapes.
    private static func operatorModels() throws -> [FuzzSeed] {
        var seeds: [FuzzSeed] = []
        for name in ONNXModel.operators {
            for (index, constant) in constants.enumerated() {
                var node = ONNXNodeProto()
                node.opType = name
                node.input = constant.dims.isEmpty && constant.int64Data.isEmpty ? ["x"] : ["x", constant.name]
                node.output = ["y"]
                let bytes = Array(try model(node, constant).fileBytes())
                if bytes.withUnsafeBytes(FuzzTarget.onnx.run) == .accepted {
                    seeds.append(FuzzSeed(.onnx, "\(name)-\(index)", bytes))
                    if let graph = try? ONNXModel(bytes: Data(bytes)).graph {
                        seeds.append(FuzzSeed(.engine, "\(name)-\(index)", GraphFile.encode(graph)))
                    }
                }
            }
        }
        return seeds
    }

    private static let constants: [ONNXTensorProto] = {
        func floats(_ dims: [Int64]) -> ONNXTensorProto {
            var tensor = ONNXTensorProto()
            tensor.name = "w"
            tensor.dataType = Int32(ONNXTensorProto.DataType.float.rawValue)
            tensor.dims = dims
            tensor.floatData = (0..<dims.reduce(1, *)).map { Float($0 % 5) * 0.5 - 1 }
            return tensor
        }
        func integers(_ values: [Int64]) -> ONNXTensorProto {
            var tensor = ONNXTensorProto()
            tensor.name = "w"
            tensor.dataType = Int32(ONNXTensorProto.DataType.int64.rawValue)
            tensor.dims = [Int64(values.count)]
            tensor.int64Data = values
            return tensor
        }
        return [
            ONNXTensorProto(), floats([2, 2, 3, 3]), floats([4, 3]), floats([1, 2, 4, 4]), integers([1, 32]),
            integers([0]), integers([0, 0, 1, 1, 0, 0, 1, 1]),
        ]
    }()

    private static func model(_ node: ONNXNodeProto, _ constant: ONNXTensorProto) -> ONNXModelProto {
        var model = ONNXModelProto()
        model.irVersion = 8
        var operators = ONNXOperatorSetIdProto()
        operators.version = 13
        model.opsetImport = [operators]
        model.graph.node = [node]
        model.graph.initializer = node.input.count > 1 ? [constant] : []
        var input = ONNXValueInfoProto()
        input.name = "x"
        input.type.tensorType.elemType = Int32(ONNXTensorProto.DataType.float.rawValue)
        input.type.tensorType.shape.dim = [1, 2, 4, 4].map { (extent: Int64) in
            var dimension = ONNXTensorShapeProto.Dimension()
            dimension.dimValue = extent
            return dimension
        }
        model.graph.input = [input]
        var output = ONNXValueInfoProto()
        output.name = "y"
        model.graph.output = [output]
        return model
    }
}
