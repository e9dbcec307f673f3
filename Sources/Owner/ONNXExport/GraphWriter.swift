// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat
import Tensors

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Builds the graph of an ONNX file node by node.
struct GraphWriter {
    let opset: Int
    private let graph: Graph
    private var proto = ONNXGraphProto()
    private var takenNames: Set<String>

    init(opset: Int, graph: Graph) {
        self.opset = opset
        self.graph = graph
        takenNames = Set(graph.types.keys)
        proto.name = graph.name.isEmpty ? "graph" : graph.name
        proto.input = graph.inputs.map { Self.info($0.name, $0.type) }
        proto.output = graph.outputs.map { Self.info($0, graph.type(of: $0)) }
        proto.initializer = graph.constants.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map(Self.initializer)
    }

    func finish() -> ONNXGraphProto { proto }

    /// Writes a node, with the attributes and additional inputs that its operator has in the operator set.
    mutating func write(_ node: Node) {
        if case .softmax(let softmax) = node.operation, softmax.flattensTail { return writeFlattened(softmax, node) }
        if case .arithmetic(let arithmetic) = node.operation, arithmetic.function.isComparison {
            return writeCondition(node)
        }
        if case .arithmetic(let arithmetic) = node.operation, arithmetic.function == .keep { return writeChoice(node) }
        append(node.operation, name: node.name, inputs: node.inputs, output: node.outputs[0])
    }

    /// A comparison: ONNX's boolean result, converted to 0 or 1.
    private mutating func writeCondition(_ node: Node) {
        let condition = unusedName("\(node.outputs[0])_condition")
        append(node.operation, name: node.name, inputs: node.inputs, output: condition)
        writeCast(of: condition, to: .float, name: "\(node.name)_Cast", output: node.outputs[0])
    }

    /// A choice between the first operand and 0, for which ONNX takes a boolean condition.
    private mutating func writeChoice(_ node: Node) {
        let (output, value, mask) = (node.outputs[0], node.inputs[0], node.inputs[1])
        let (condition, zero) = (unusedName("\(output)_condition"), unusedName("\(output)_zero"))
        writeCast(of: mask, to: .bool, name: "\(node.name)_Cast", output: condition)
        var constant = ONNXTensorProto()
        constant.name = zero
        constant.dataType = Int32(ONNXTensorProto.DataType.float.rawValue)
        constant.rawData = Data(count: 4)
        proto.initializer.append(constant)
        append(node.operation, name: node.name, inputs: [condition, value, zero], output: output)
    }

    private mutating func writeCast(
        of input: String, to type: ONNXTensorProto.DataType, name: String, output: String
    ) {
        var cast = ONNXNodeProto()
        cast.opType = "Cast"
        cast.name = name
        cast.input = [input]
        cast.output = [output]
        var target = ONNXAttributeProto()
        target.name = "to"
        target.type = .int
        target.i = Int64(type.rawValue)
        cast.attribute = [target]
        proto.node.append(cast)
    }

    /// Softmax over all dimensions from `axis` on: reshaped to a matrix, and back.
    private mutating func writeFlattened(_ softmax: Softmax, _ node: Node) {
        let shape = graph.type(of: node.outputs[0]).shape
        let (flat, result) = (unusedName("\(node.outputs[0])_flat"), unusedName("\(node.outputs[0])_softmax"))
        append(
            .flatten(Flatten(axis: softmax.axis)), name: "\(node.name)_Flatten", inputs: node.inputs, output: flat)
        append(.softmax(Softmax(axis: 1)), name: node.name, inputs: [flat], output: result)
        append(
            .reshape(Reshape(shape.dimensions)), name: "\(node.name)_Reshape", inputs: [result], output: node.outputs[0]
        )
    }

    private mutating func append(_ operation: Operation, name: String, inputs: [String], output: String) {
        var form = NodeForm(operation, opset: opset)
        form.node.name = name
        form.node.input = inputs
        form.node.output = [output]
        for extra in form.extraInputs {
            var tensor = extra.tensor
            tensor.name = unusedName("\(output)_\(extra.role)")
            form.node.input.append(tensor.name)
            proto.initializer.append(tensor)
        }
        proto.node.append(form.node)
    }

    private mutating func unusedName(_ wish: String) -> String {
        var name = wish
        while !takenNames.insert(name).inserted { name += "_" }
        return name
    }

    private static func initializer(_ name: String, _ tensor: Tensor) -> ONNXTensorProto {
        var proto = ONNXTensorProto()
        proto.name = name
        proto.dims = tensor.shape.dimensions.map(Int64.init)
        proto.dataType = Int32(tensor.element.onnxType.rawValue)
        proto.rawData = tensor.withBytes { Data($0) }
        return proto
    }

    private static func info(_ name: String, _ type: TensorType) -> ONNXValueInfoProto {
        var info = ONNXValueInfoProto()
        info.name = name
        info.type.tensorType.elemType = Int32(type.element.onnxType.rawValue)
        info.type.tensorType.shape.dim = type.shape.dimensions.map { extent in
            var dimension = ONNXTensorShapeProto.Dimension()
            dimension.dimValue = Int64(extent)
            return dimension
        }
        return info
    }
}

extension ElementType {
    var onnxType: ONNXTensorProto.DataType {
        switch self {
        case .float32: .float
        case .uint8: .uint8
        case .int8: .int8
        case .int32: .int32
        case .int64: .int64
        case .boolean: .bool
        }
    }
}
