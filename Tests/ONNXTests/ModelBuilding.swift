// SPDX-License-Identifier: Apache-2.0
import Foundation
import ONNXFormat
import ONNXImport

// Models made in memory, for what no collection has.

extension ONNXModelProto {
    /// A model whose inputs are float32.
    static func make(
        opset: Int64? = 13, inputs: [(String, [Int64])] = [("x", [1, 3, 4, 4])], outputs: [String] = ["y"],
        nodes: [ONNXNodeProto], initializers: [ONNXTensorProto] = []
    ) -> ONNXModelProto {
        var model = ONNXModelProto()
        model.irVersion = 8
        if let opset {
            var operators = ONNXOperatorSetIdProto()
            operators.version = opset
            model.opsetImport = [operators]
        }
        model.graph.name = "g"
        model.graph.node = nodes
        model.graph.initializer = initializers
        model.graph.input = inputs.map { name, dimensions in
            var input = ONNXValueInfoProto()
            input.name = name
            input.type.tensorType.elemType = Int32(ONNXTensorProto.DataType.float.rawValue)
            input.type.tensorType.shape.dim = dimensions.map { extent in
                var dimension = ONNXTensorShapeProto.Dimension()
                // Negative extents stand for names.
                if extent < 0 { dimension.dimParam = "d\(-extent)" } else { dimension.dimValue = extent }
                return dimension
            }
            return input
        }
        model.graph.output = outputs.map { name in
            var output = ONNXValueInfoProto()
            output.name = name
            return output
        }
        return model
    }

    func load(
        folder: String? = nil, settings: ONNXImportSettings = ONNXImportSettings()
    ) throws -> ONNXModel {
        try ONNXModel(bytes: try fileBytes(), folder: folder, settings: settings)
    }
}

extension ONNXNodeProto {
    static func make(
        _ operatorName: String, _ inputs: [String], _ outputs: [String], name: String = "",
        _ attributes: [String: ONNXAttributeProto] = [:]
    ) -> ONNXNodeProto {
        var node = ONNXNodeProto()
        node.opType = operatorName
        node.name = name
        node.input = inputs
        node.output = outputs
        node.attribute = attributes.sorted { $0.key < $1.key }.map { name, attribute in
            var attribute = attribute
            attribute.name = name
            return attribute
        }
        return node
    }
}

extension ONNXAttributeProto {
    static func integer(_ value: Int64) -> ONNXAttributeProto {
        var attribute = ONNXAttributeProto()
        attribute.type = .int
        attribute.i = value
        return attribute
    }

    static func integers(_ values: [Int64]) -> ONNXAttributeProto {
        var attribute = ONNXAttributeProto()
        attribute.type = .ints
        attribute.ints = values
        return attribute
    }

    static func tensor(_ value: ONNXTensorProto) -> ONNXAttributeProto {
        var attribute = ONNXAttributeProto()
        attribute.type = .tensor
        attribute.t = value
        return attribute
    }
}

extension ONNXTensorProto {
    static func make(_ name: String, _ dimensions: [Int64], _ type: DataType) -> ONNXTensorProto {
        var tensor = ONNXTensorProto()
        tensor.name = name
        tensor.dims = dimensions
        tensor.dataType = Int32(type.rawValue)
        return tensor
    }

    static func floats(_ name: String, _ values: [Float], _ dimensions: [Int64]) -> ONNXTensorProto {
        var tensor = make(name, dimensions, .float)
        tensor.floatData = values
        return tensor
    }

    static func integers(_ name: String, _ values: [Int64]) -> ONNXTensorProto {
        var tensor = make(name, [Int64(values.count)], .int64)
        tensor.int64Data = values
        return tensor
    }

    /// Float32 values in another file.
    static func external(_ name: String, _ dimensions: [Int64], _ entries: [String: String]) -> ONNXTensorProto {
        var tensor = make(name, dimensions, .float)
        tensor.dataLocation = .external
        tensor.externalData = entries.sorted { $0.key < $1.key }.map { key, value in
            var entry = ONNXStringStringEntryProto()
            entry.key = key
            entry.value = value
            return entry
        }
        return tensor
    }
}
