// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// The interface of an operator: its types, cost and encoding.
package protocol Operator: Sendable, Hashable {
    /// The type of each result for operands of these types.
    ///
    /// - Throws: ``GraphError`` with code `invalidOperands`; the caller adds the node's name.
    func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType]

    /// Multiply-accumulate operations for these operand and result types; 0 for operators whose operations are not
    /// counted.
    func multiplyAdds(operands: [TensorType], results: [TensorType]) -> Int

    func encode(into writer: inout ByteWriter)
    init(from reader: inout ByteReader) throws(TensorError)
}

extension Operator {
    package func multiplyAdds(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

/// An operator of the graph with its attributes. Operands are the node's inputs in ONNX's order. Values that ONNX
/// passes as constant inputs (axes, pads, shapes, bounds) are attributes here.
package enum Operation: Sendable, Hashable {
    case convolution(Convolution)
    case batchNormalization(BatchNormalization)
    case activation(Activation)
    case arithmetic(Arithmetic)
    case pooling(Pooling)
    case globalPooling(GlobalPooling)
    case gemm(Gemm)
    case matMul(MatMul)
    case concat(Concat)
    case reshape(Reshape)
    case flatten(Flatten)
    case squeeze(Squeeze)
    case unsqueeze(Unsqueeze)
    case transpose(Transpose)
    case slice(Slice)
    case pad(Pad)
    case softmax(Softmax)
    case localResponseNormalization(LocalResponseNormalization)
    case reduceMean(ReduceMean)
    case identity(Identity)
    case reduction(Reduction)
    case layerNormalization(LayerNormalization)
    case quantizeLinear(QuantizeLinear)
    case dequantizeLinear(DequantizeLinear)

    /// The attributes.
    package var attributes: any Operator {
        switch self {
        case .convolution(let value): value
        case .batchNormalization(let value): value
        case .activation(let value): value
        case .arithmetic(let value): value
        case .pooling(let value): value
        case .globalPooling(let value): value
        case .gemm(let value): value
        case .matMul(let value): value
        case .concat(let value): value
        case .reshape(let value): value
        case .flatten(let value): value
        case .squeeze(let value): value
        case .unsqueeze(let value): value
        case .transpose(let value): value
        case .slice(let value): value
        case .pad(let value): value
        case .softmax(let value): value
        case .localResponseNormalization(let value): value
        case .reduceMean(let value): value
        case .identity(let value): value
        case .reduction(let value): value
        case .layerNormalization(let value): value
        case .quantizeLinear(let value): value
        case .dequantizeLinear(let value): value
        }
    }

    /// The operator's name in messages, such as `Convolution`.
    package var label: String { "\(type(of: attributes))" }

    /// The code in canonical files. Codes are never reused.
    private var code: UInt8 {
        switch self {
        case .convolution: 1
        case .batchNormalization: 2
        case .activation: 3
        case .arithmetic: 4
        case .pooling: 5
        case .globalPooling: 6
        case .gemm: 7
        case .matMul: 8
        case .concat: 9
        case .reshape: 10
        case .flatten: 11
        case .squeeze: 12
        case .unsqueeze: 13
        case .transpose: 14
        case .slice: 15
        case .pad: 16
        case .softmax: 17
        case .localResponseNormalization: 18
        case .reduceMean: 19
        case .identity: 20
        case .reduction: 21
        case .layerNormalization: 22
        case .quantizeLinear: 23
        case .dequantizeLinear: 24
        }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(code)
        attributes.encode(into: &writer)
    }

    package init(from reader: inout ByteReader) throws(TensorError) {
        let code: UInt8 = try reader.read("operator")
        switch code {
        case 1: self = .convolution(try Convolution(from: &reader))
        case 2: self = .batchNormalization(try BatchNormalization(from: &reader))
        case 3: self = .activation(try Activation(from: &reader))
        case 4: self = .arithmetic(try Arithmetic(from: &reader))
        case 5: self = .pooling(try Pooling(from: &reader))
        case 6: self = .globalPooling(try GlobalPooling(from: &reader))
        case 7: self = .gemm(try Gemm(from: &reader))
        case 8: self = .matMul(try MatMul(from: &reader))
        case 9: self = .concat(try Concat(from: &reader))
        case 10: self = .reshape(try Reshape(from: &reader))
        case 11: self = .flatten(try Flatten(from: &reader))
        case 12: self = .squeeze(try Squeeze(from: &reader))
        case 13: self = .unsqueeze(try Unsqueeze(from: &reader))
        case 14: self = .transpose(try Transpose(from: &reader))
        case 15: self = .slice(try Slice(from: &reader))
        case 16: self = .pad(try Pad(from: &reader))
        case 17: self = .softmax(try Softmax(from: &reader))
        case 18: self = .localResponseNormalization(try LocalResponseNormalization(from: &reader))
        case 19: self = .reduceMean(try ReduceMean(from: &reader))
        case 20: self = .identity(try Identity(from: &reader))
        case 21: self = .reduction(try Reduction(from: &reader))
        case 22: self = .layerNormalization(try LayerNormalization(from: &reader))
        case 23: self = .quantizeLinear(try QuantizeLinear(from: &reader))
        case 24: self = .dequantizeLinear(try DequantizeLinear(from: &reader))
        default: throw TensorError(.malformed, "operator code \(code) is unknown")
        }
    }
}
