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

    mutating func lowerLevels(_ levels: Draft.Levels, _ node: Draft.Node) throws(OneDNNError) -> Int {
        try emitLevels(
            levels, of: try value(of: node.inputs[0]), storesFactors: storedLevels[node.output] != nil,
            overwriting: mayOverwrite(node.inputs[0], in: node), for: node)
    }

    /// Emits the rounding of values to levels. It divides by the step, as ONNX defines QuantizeLinear: multiplication
    /// by the reciprocal would round some values near halves differently.
    ///
    /// - Parameters:
    ///   - storesFactors: Whether the result is the 8-bit factors of the step instead of float32 values.
    ///   - overwriting: Whether a float32 result replaces the source in memory. Then no other step may need the source.
    mutating func emitLevels(
        _ levels: Draft.Levels, of source: Int, storesFactors: Bool, overwriting: Bool, for node: Draft.Node
    ) throws(OneDNNError) -> Int {
        var source = source
        let count = layout(source).dimensions.reduce(1, *)
        // oneDNN has no fast code for blocks of channels, so elements are processed as one row, in any order. Gaps
        // are removed before.
        if layout(source).byteCount != LayoutElement.float32.byteCount * count {
            source = try rowMajor(source, for: node)
        }
        let (original, row, one) = (layout(source), try TensorLayout([1, count]), try TensorLayout([1, 1]))
        let factors: [PostOperation] = [
            .elementwise(Elementwise(.round)),
            .elementwise(Elementwise(.clip, alpha: levels.lowest, beta: levels.highest)),
        ]
        var (result, post) = (original, factors + [.elementwise(Elementwise(.linear, alpha: levels.step))])
        if storesFactors, let element = levels.element { (result, post) = (original.retyped(element), factors) }
        let resultRow = row.retyped(result.element)
        let primitive = try PrimitiveDescription.binary(.divide, row, one, destination: resultRow, post: post)
        let target = overwriting && !storesFactors ? alias(source, as: original) : add(.arena, result)
        if storesFactors { values[target].scale = levels.step }
        let arguments: [(argument: Argument, value: Int)] = [
            (.source, alias(source, as: row)), (.secondSource, alias(try value(of: levels.stepName), as: one)),
            (.destination, alias(target, as: resultRow)),
        ]
        emit(primitive, arguments, to: target, "rounding to levels", fused: node.fused, for: node)
        return target
    }

    /// An activation for which oneDNN has no primitive.
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
