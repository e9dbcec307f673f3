// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
package import Tensors

/// The reference executor's only error: inputs that do not fit the graph.
package struct ReferenceError: Error, Sendable, CustomStringConvertible {
    package let message: String
    package var description: String { message }
}

/// Runs a graph with plain loops, one operator after another, with sums in double precision. It is the reference for
/// tests of the engine, written for readability, and is not part of any product.
package struct ReferenceExecutor: Sendable {
    private let graph: Graph

    package init(_ graph: Graph) { self.graph = graph }

    /// The graph's outputs, in its order.
    ///
    /// - Parameter inputs: In the graph's order, of the graph's types.
    /// - Throws: ``ReferenceError``.
    package func run(_ inputs: [Tensor]) throws(ReferenceError) -> [Tensor] {
        guard inputs.map(\.type) == graph.inputs.map(\.type) else {
            throw ReferenceError(message: "inputs are \(inputs.map(\.type)), expected \(graph.inputs.map(\.type))")
        }
        var values = graph.constants
        for (input, tensor) in zip(graph.inputs, inputs) { values[input.name] = tensor }
        for node in graph.nodes {
            let operands = try node.inputs.map { (name) throws(ReferenceError) in try Self.value(name, values) }
            values[node.outputs[0]] = try Self.evaluate(
                node.operation, operands, result: graph.type(of: node.outputs[0]))
        }
        return try graph.outputs.map { (name) throws(ReferenceError) in try Self.value(name, values) }
    }

    private static func value(_ name: String, _ values: [String: Tensor]) throws(ReferenceError) -> Tensor {
        guard let value = values[name] else { throw ReferenceError(message: "'\(name)' has no value") }
        return value
    }

    private static func evaluate(
        _ operation: Operation, _ operands: [Tensor], result: TensorType
    ) throws(ReferenceError) -> Tensor {
        do {
            switch operation {
            case .identity, .reshape, .flatten, .squeeze, .unsqueeze:
                return try operands[0].reshaped(result.shape.dimensions)
            case .concat(let concat): return joined(operands, concat, result)
            case .transpose(let transpose): return transposed(operands[0], transpose, result)
            case .slice(let slice): return try sliced(operands[0], slice, result)
            case .quantizeLinear(let quantize): return try quantized(operands, axis: quantize.axis, result)
            case .dequantizeLinear(let dequantize): return try dequantized(operands, axis: dequantize.axis, result)
            default: break
            }
            let arrays = try operands.map { try FloatArray($0) }
            let values: [Float] =
                switch operation {
                case .convolution(let convolution): try convolve(arrays, convolution, result.shape)
                case .batchNormalization(let normalization): normalize(arrays, normalization)
                case .activation(let activation): arrays[0].values.map { apply(activation, to: $0) }
                case .arithmetic(let arithmetic): combine(arrays[0], arrays[1], arithmetic, result.shape)
                case .pooling(let pooling): try pool(arrays[0], pooling, result.shape)
                case .globalPooling(let pooling): poolGlobally(arrays[0], pooling)
                case .gemm(let gemm): multiply(arrays, gemm, result.shape)
                case .matMul: try multiply(arrays[0], arrays[1], result.shape)
                case .pad(let pad): padded(arrays[0], pad, result.shape)
                case .softmax(let softmax): exponentiate(arrays[0], softmax)
                case .localResponseNormalization(let normalization): normalizeAcrossChannels(arrays[0], normalization)
                case .reduceMean(let mean): try average(arrays[0], mean, result.shape)
                case .reduction(let reduction): try reduce(arrays[0], reduction, result.shape)
                case .layerNormalization(let normalization): normalize(arrays, normalization)
                case .identity, .reshape, .flatten, .squeeze, .unsqueeze, .concat, .transpose, .slice, .quantizeLinear,
                    .dequantizeLinear:
                    preconditionFailure("takes other types than float32, handled above")
                }
            return try Tensor(values, shape: result.shape.dimensions)
        } catch { throw ReferenceError(message: "\(operation.label): \(error)") }
    }
}
