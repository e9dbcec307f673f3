// SPDX-License-Identifier: Apache-2.0
package import ModelGraph

extension Operation {
    /// The corresponding ONNX operator, such as `Conv`.
    package var onnxName: String {
        switch self {
        case .convolution: "Conv"
        case .batchNormalization: "BatchNormalization"
        case .activation(let activation): activation.function.onnxName
        case .arithmetic(let arithmetic): arithmetic.function.onnxName
        case .pooling(let pooling): pooling.kind == .maximum ? "MaxPool" : "AveragePool"
        case .globalPooling(let pooling): pooling.kind == .maximum ? "GlobalMaxPool" : "GlobalAveragePool"
        case .gemm: "Gemm"
        case .matMul: "MatMul"
        case .concat: "Concat"
        case .reshape: "Reshape"
        case .flatten: "Flatten"
        case .squeeze: "Squeeze"
        case .unsqueeze: "Unsqueeze"
        case .transpose: "Transpose"
        case .slice: "Slice"
        case .pad: "Pad"
        case .softmax: "Softmax"
        case .localResponseNormalization: "LRN"
        case .reduceMean: "ReduceMean"
        case .identity(let identity): identity.isDropout ? "Dropout" : "Identity"
        case .reduction(let reduction): reduction.function.onnxName
        case .layerNormalization: "LayerNormalization"
        case .quantizeLinear: "QuantizeLinear"
        case .dequantizeLinear: "DequantizeLinear"
        }
    }
}

extension Activation.Function {
    fileprivate var onnxName: String {
        switch self {
        case .relu: "Relu"
        case .leakyRelu: "LeakyRelu"
        case .clip: "Clip"
        case .sigmoid: "Sigmoid"
        case .hardSigmoid: "HardSigmoid"
        case .hardSwish: "HardSwish"
        case .tanh: "Tanh"
        case .elu: "Elu"
        case .exponential: "Exp"
        case .logarithm: "Log"
        case .squareRoot: "Sqrt"
        case .absolute: "Abs"
        case .erf: "Erf"
        case .floor: "Floor"
        case .ceil: "Ceil"
        case .round: "Round"
        case .softplus: "Softplus"
        case .mish: "Mish"
        case .gelu, .geluTanh: "Gelu"
        case .thresholdedRelu: "ThresholdedRelu"
        }
    }
}

extension Arithmetic.Function {
    fileprivate var onnxName: String {
        switch self {
        case .add: "Add"
        case .subtract: "Sub"
        case .multiply: "Mul"
        case .divide: "Div"
        case .maximum: "Max"
        case .minimum: "Min"
        case .power: "Pow"
        case .equal: "Equal"
        case .greater: "Greater"
        case .greaterOrEqual: "GreaterOrEqual"
        case .keep: "Where"
        }
    }
}

extension Reduction.Function {
    fileprivate var onnxName: String {
        switch self {
        case .sum: "ReduceSum"
        case .maximum: "ReduceMax"
        case .minimum: "ReduceMin"
        }
    }
}
