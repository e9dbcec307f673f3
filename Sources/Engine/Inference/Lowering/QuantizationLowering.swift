// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

extension Lowering {
    mutating func lowerQuantize(_ quantize: QuantizeLinear, _ node: Draft.Node) throws(OneDNNError) -> Int {
        let type = draft.type(node.output)
        let target = try add(.arena, type)
        let source = try rowMajor(try value(of: node.inputs[0]), for: node)
        let grid = QuantizationGrid(type.shape, draft.type(node.inputs[1]).shape, axis: quantize.axis)
        let loop: Loop = type.element == .uint8 ? .quantize(UInt8.self, grid) : .quantize(Int8.self, grid)
        emit(loop, [source, try value(of: node.inputs[1]), try value(of: node.inputs[2])], to: target, for: node)
        return target
    }

    mutating func lowerDequantize(_ dequantize: DequantizeLinear, _ node: Draft.Node) throws(OneDNNError) -> Int {
        let type = draft.type(node.output)
        let target = add(.arena, try TensorLayout(type.planDimensions))
        let source = try value(of: node.inputs[0])
        let grid = QuantizationGrid(type.shape, draft.type(node.inputs[1]).shape, axis: dequantize.axis)
        let loop: Loop =
            switch draft.type(node.inputs[0]).element {
            case .uint8: .dequantize(UInt8.self, grid)
            case .int8: .dequantize(Int8.self, grid)
            default: .dequantize(Int32.self, grid)
            }
        emit(loop, [source, try value(of: node.inputs[1]), try value(of: node.inputs[2])], to: target, for: node)
        return target
    }

    /// Divides, as QuantizeLinear is defined. Multiplying by the reciprocal would round some halves differently.
    mutating func lowerLevels(_ levels: Draft.Levels, _ node: Draft.Node) throws(OneDNNError) -> Int {
        var source = try value(of: node.inputs[0])
        let count = layout(source).dimensions.reduce(1, *)
        // oneDNN has no fast code for blocks of channels. Without gaps the order of elements does not matter here.
        if layout(source).byteCount != LayoutElement.float32.byteCount * count {
            source = try rowMajor(source, for: node)
        }
        let (original, row, one) = (layout(source), try TensorLayout([1, count]), try TensorLayout([1, 1]))
        let primitive = try PrimitiveDescription.binary(
            .divide, row, one, destination: row,
            post: [
                .elementwise(Elementwise(.round)),
                .elementwise(Elementwise(.clip, alpha: levels.lowest, beta: levels.highest)),
                .elementwise(Elementwise(.linear, alpha: levels.step)),
            ])
        let overwrites = mayOverwrite(node.inputs[0], in: node)
        let target = overwrites ? alias(source, as: original) : add(.arena, original)
        let arguments: [(argument: Argument, value: Int)] = [
            (.source, alias(source, as: row)), (.secondSource, alias(try value(of: node.inputs[1]), as: one)),
            (.destination, alias(target, as: row)),
        ]
        emit(primitive, arguments, to: target, "rounding to levels", fused: node.fused, for: node)
        return target
    }

    /// A function that no primitive has.
    mutating func lowerActivationLoop(_ activation: Activation, _ node: Draft.Node) throws(OneDNNError) -> Int {
        let type = draft.type(node.output)
        let target = add(.arena, try TensorLayout(type.planDimensions))
        guard let loop = Loop.activation(activation, count: type.shape.elementCount) else {
            throw OneDNNError(message: "activation '\(activation.function)' has no loop", isUnimplemented: true)
        }
        emit(loop, [try rowMajor(try value(of: node.inputs[0]), for: node)], to: target, for: node)
        return try applying(node.post, to: target, for: node)
    }
}
