// SPDX-License-Identifier: Apache-2.0
import ModelGraph

/// The lowering of an ONNX operator.
typealias Lowering = @Sendable (inout ImportedNode) throws(ONNXImportError) -> Lowered

/// The operators that can be imported.
enum OperatorTable {
    static let lowerings: [String: Lowering] = [
        "Abs": { (node) throws(ONNXImportError) in try node.activation(.absolute) },
        "Add": { (node) throws(ONNXImportError) in try node.arithmetic(.add) },
        "AffineGrid": { (node) throws(ONNXImportError) in try node.affineGrid() },
        "And": { (node) throws(ONNXImportError) in try node.comparison(.and) },
        "Attention": { (node) throws(ONNXImportError) in try node.attention() },
        "AveragePool": { (node) throws(ONNXImportError) in try node.averagePool() },
        "BatchNormalization": { (node) throws(ONNXImportError) in try node.batchNormalization() },
        "Cast": { (node) throws(ONNXImportError) in try node.cast() },
        "CastLike": { (node) throws(ONNXImportError) in try node.castLike() },
        "Ceil": { (node) throws(ONNXImportError) in try node.activation(.ceil) },
        "Celu": { (node) throws(ONNXImportError) in try node.celu() },
        "CenterCropPad": { (node) throws(ONNXImportError) in try node.centerCropPad() },
        "Clip": { (node) throws(ONNXImportError) in try node.clip() },
        "Col2Im": { (node) throws(ONNXImportError) in try node.columnsToImage() },
        "Concat": { (node) throws(ONNXImportError) in try node.concat() },
        "Constant": { (node) throws(ONNXImportError) in try node.constant() },
        "ConstantOfShape": { (node) throws(ONNXImportError) in try node.constantOfShape() },
        "Conv": { (node) throws(ONNXImportError) in try node.convolution() },
        "ConvInteger": { (node) throws(ONNXImportError) in try node.integerConvolution() },
        "ConvTranspose": { (node) throws(ONNXImportError) in try node.transposedConvolution() },
        "CumSum": { (node) throws(ONNXImportError) in try node.runningSum() },
        "DepthToSpace": { (node) throws(ONNXImportError) in try node.depthToSpace() },
        "DequantizeLinear": { (node) throws(ONNXImportError) in try node.dequantizeLinear() },
        "Div": { (node) throws(ONNXImportError) in try node.arithmetic(.divide) },
        "Dropout": { (node) throws(ONNXImportError) in try node.dropout() },
        "DynamicQuantizeLinear": { (node) throws(ONNXImportError) in try node.dynamicQuantizeLinear() },
        "Einsum": { (node) throws(ONNXImportError) in try node.einsum() },
        "Elu": { (node) throws(ONNXImportError) in try node.activation(.elu, alpha: 1) },
        "Equal": { (node) throws(ONNXImportError) in try node.comparison(.equal) },
        "Erf": { (node) throws(ONNXImportError) in try node.activation(.erf) },
        "Exp": { (node) throws(ONNXImportError) in try node.activation(.exponential) },
        "EyeLike": { (node) throws(ONNXImportError) in try node.eyeLike() },
        "Expand": { (node) throws(ONNXImportError) in try node.expand() },
        "Flatten": { (node) throws(ONNXImportError) in try node.flatten() },
        "Floor": { (node) throws(ONNXImportError) in try node.activation(.floor) },
        "GRU": { (node) throws(ONNXImportError) in try node.gatedRecurrentUnit() },
        "Gather": { (node) throws(ONNXImportError) in try node.gather() },
        "GatherElements": { (node) throws(ONNXImportError) in try node.gatherElements() },
        "GatherND": { (node) throws(ONNXImportError) in try node.gatherTuples() },
        "Gelu": { (node) throws(ONNXImportError) in try node.gelu() },
        "Gemm": { (node) throws(ONNXImportError) in try node.gemm() },
        "GlobalAveragePool": { (node) throws(ONNXImportError) in try node.globalPool(.average) },
        "GlobalLpPool": { (node) throws(ONNXImportError) in try node.globalLpPool() },
        "GlobalMaxPool": { (node) throws(ONNXImportError) in try node.globalPool(.maximum) },
        "Greater": { (node) throws(ONNXImportError) in try node.comparison(.greater) },
        "GreaterOrEqual": { (node) throws(ONNXImportError) in try node.comparison(.greaterOrEqual) },
        "GridSample": { (node) throws(ONNXImportError) in try node.gridSample() },
        "GroupNormalization": { (node) throws(ONNXImportError) in try node.statedGroupNormalization() },
        "HardSigmoid": { (node) throws(ONNXImportError) in try node.activation(.hardSigmoid, alpha: 0.2, beta: 0.5) },
        "HardSwish": { (node) throws(ONNXImportError) in try node.activation(.hardSwish) },
        "Identity": { (node) throws(ONNXImportError) in try node.identity() },
        "InstanceNormalization": { (node) throws(ONNXImportError) in try node.groupNormalization(groups: nil) },
        "IsInf": { (node) throws(ONNXImportError) in try node.isInfinite() },
        "IsNaN": { (node) throws(ONNXImportError) in try node.isNotANumber() },
        "LRN": { (node) throws(ONNXImportError) in try node.localResponseNormalization() },
        "LSTM": { (node) throws(ONNXImportError) in try node.longShortTermMemory() },
        "LayerNormalization": { (node) throws(ONNXImportError) in try node.layerNormalization() },
        "LeakyRelu": { (node) throws(ONNXImportError) in try node.activation(.leakyRelu, alpha: 0.01) },
        "Less": { (node) throws(ONNXImportError) in try node.comparison(.less) },
        "LessOrEqual": { (node) throws(ONNXImportError) in try node.comparison(.lessOrEqual) },
        "Log": { (node) throws(ONNXImportError) in try node.activation(.logarithm) },
        "LogSoftmax": { (node) throws(ONNXImportError) in try node.logSoftmax() },
        "LpNormalization": { (node) throws(ONNXImportError) in try node.normNormalization() },
        "LpPool": { (node) throws(ONNXImportError) in try node.lpPool() },
        "MatMul": { (node) throws(ONNXImportError) in try node.matMul() },
        "MatMulInteger": { (node) throws(ONNXImportError) in try node.integerMatMul() },
        "Max": { (node) throws(ONNXImportError) in try node.variadic(.maximum) },
        "MaxPool": { (node) throws(ONNXImportError) in try node.maxPool() },
        "Mean": { (node) throws(ONNXImportError) in try node.variadic(.add, isMean: true) },
        "MeanVarianceNormalization": { (node) throws(ONNXImportError) in try node.meanVarianceNormalization() },
        "Min": { (node) throws(ONNXImportError) in try node.variadic(.minimum) },
        "Mish": { (node) throws(ONNXImportError) in try node.activation(.mish) },
        "Mod": { (node) throws(ONNXImportError) in try node.modulo() },
        "Mul": { (node) throws(ONNXImportError) in try node.arithmetic(.multiply) },
        "Neg": { (node) throws(ONNXImportError) in try node.negation() },
        "Not": { (node) throws(ONNXImportError) in try node.not() },
        "Or": { (node) throws(ONNXImportError) in try node.comparison(.or) },
        "PRelu": { (node) throws(ONNXImportError) in try node.prelu() },
        "Pad": { (node) throws(ONNXImportError) in try node.pad() },
        "Pow": { (node) throws(ONNXImportError) in try node.power() },
        "QLinearConv": { (node) throws(ONNXImportError) in try node.quantizedConvolution() },
        "QLinearMatMul": { (node) throws(ONNXImportError) in try node.quantizedMatMul() },
        "QuantizeLinear": { (node) throws(ONNXImportError) in try node.quantizeLinear() },
        "RMSNormalization": { (node) throws(ONNXImportError) in try node.rootMeanSquareNormalization() },
        "RNN": { (node) throws(ONNXImportError) in try node.plainRecurrentUnit() },
        "Range": { (node) throws(ONNXImportError) in try node.range() },
        "Reciprocal": { (node) throws(ONNXImportError) in try node.reciprocal() },
        "ReduceL1": { (node) throws(ONNXImportError) in try node.reduction(.sum, axesAreInputSince: 18, .magnitudes) },
        "ReduceL2": { (node) throws(ONNXImportError) in try node.reduction(.sum, axesAreInputSince: 18, .rootOfSquares)
        },
        "ReduceLogSum": { (node) throws(ONNXImportError) in try node.logarithmOfSum(exponentials: false) },
        "ReduceLogSumExp": { (node) throws(ONNXImportError) in try node.logarithmOfSum(exponentials: true) },
        "ReduceMax": { (node) throws(ONNXImportError) in try node.reduction(.maximum, axesAreInputSince: 18) },
        "ReduceMean": { (node) throws(ONNXImportError) in try node.reduceMean() },
        "ReduceMin": { (node) throws(ONNXImportError) in try node.reduction(.minimum, axesAreInputSince: 18) },
        "ReduceProd": { (node) throws(ONNXImportError) in try node.reduceProduct() },
        "ReduceSum": { (node) throws(ONNXImportError) in try node.reduction(.sum, axesAreInputSince: 13) },
        "ReduceSumSquare": { (node) throws(ONNXImportError) in try node.reduction(.sum, axesAreInputSince: 18, .squares)
        },
        "Relu": { (node) throws(ONNXImportError) in try node.activation(.relu) },
        "Reshape": { (node) throws(ONNXImportError) in try node.reshape() },
        "Resize": { (node) throws(ONNXImportError) in try node.resize() },
        "RotaryEmbedding": { (node) throws(ONNXImportError) in try node.rotaryEmbedding() },
        "Round": { (node) throws(ONNXImportError) in try node.activation(.round) },
        "Scatter": { (node) throws(ONNXImportError) in try node.scatterElements() },
        "ScatterElements": { (node) throws(ONNXImportError) in try node.scatterElements() },
        "ScatterND": { (node) throws(ONNXImportError) in try node.scatterTuples() },
        "Selu": { (node) throws(ONNXImportError) in try node.selu() },
        "Shape": { (node) throws(ONNXImportError) in try node.shapeOfOperand() },
        "Shrink": { (node) throws(ONNXImportError) in try node.shrink() },
        "Sigmoid": { (node) throws(ONNXImportError) in try node.activation(.sigmoid) },
        "Sign": { (node) throws(ONNXImportError) in try node.sign() },
        "SimplifiedLayerNormalization": { (node) throws(ONNXImportError) in try node.rootMeanSquareNormalization() },
        "Size": { (node) throws(ONNXImportError) in try node.sizeOfOperand() },
        "Slice": { (node) throws(ONNXImportError) in try node.slice() },
        "Softmax": { (node) throws(ONNXImportError) in try node.softmax() },
        "Softplus": { (node) throws(ONNXImportError) in try node.activation(.softplus) },
        "Softsign": { (node) throws(ONNXImportError) in try node.softsign() },
        "SpaceToDepth": { (node) throws(ONNXImportError) in try node.spaceToDepth() },
        "Split": { (node) throws(ONNXImportError) in try node.split() },
        "Sqrt": { (node) throws(ONNXImportError) in try node.activation(.squareRoot) },
        "Squeeze": { (node) throws(ONNXImportError) in try node.squeeze() },
        "Sub": { (node) throws(ONNXImportError) in try node.arithmetic(.subtract) },
        "Sum": { (node) throws(ONNXImportError) in try node.variadic(.add) },
        "SwiGLU": { (node) throws(ONNXImportError) in try node.gatedSwish() },
        "Swish": { (node) throws(ONNXImportError) in try node.swish() },
        "Tanh": { (node) throws(ONNXImportError) in try node.activation(.tanh) },
        "ThresholdedRelu": { (node) throws(ONNXImportError) in try node.activation(.thresholdedRelu, alpha: 1) },
        "Tile": { (node) throws(ONNXImportError) in try node.tile() },
        "Transpose": { (node) throws(ONNXImportError) in try node.transpose() },
        "Trilu": { (node) throws(ONNXImportError) in try node.triangle() },
        "Unsqueeze": { (node) throws(ONNXImportError) in try node.unsqueeze() },
        "Upsample": { (node) throws(ONNXImportError) in try node.resize() },
        "Where": { (node) throws(ONNXImportError) in try node.choice() },
        "Xor": { (node) throws(ONNXImportError) in try node.exclusiveOr() },
    ]

    /// Operators of ONNX Runtime's domain com.microsoft, which its quantiser and its optimiser write.
    static let runtimeLowerings: [String: Lowering] = [
        "Attention": { (node) throws(ONNXImportError) in try node.packedAttention() },
        "BiasGelu": { (node) throws(ONNXImportError) in try node.biased(.gelu) },
        "DequantizeLinear": { (node) throws(ONNXImportError) in try node.dequantizeLinear() },
        "DynamicQuantizeMatMul": { (node) throws(ONNXImportError) in try node.dynamicQuantizeMatMul() },
        "FastGelu": { (node) throws(ONNXImportError) in try node.biased(.geluTanh) },
        "FusedConv": { (node) throws(ONNXImportError) in try node.fusedConvolution() },
        "FusedGemm": { (node) throws(ONNXImportError) in try node.fusedGemm() },
        "FusedMatMul": { (node) throws(ONNXImportError) in try node.fusedMatMul() },
        "Gelu": { (node) throws(ONNXImportError) in try node.activation(.gelu) },
        "MatMulBnb4": { (node) throws(ONNXImportError) in try node.codedMatMul() },
        "MatMulIntegerToFloat": { (node) throws(ONNXImportError) in try node.scaledIntegerMatMul() },
        "MatMulNBits": { (node) throws(ONNXImportError) in try node.blockedMatMul() },
        "MultiHeadAttention": { (node) throws(ONNXImportError) in try node.multiHeadAttention() },
        "NhwcMaxPool": { (node) throws(ONNXImportError) in try node.maxPoolOfChannelsLast() },
        "QGemm": { (node) throws(ONNXImportError) in try node.quantizedGemm() },
        "QLinearAdd": { (node) throws(ONNXImportError) in try node.quantizedArithmetic(.add) },
        "QLinearAveragePool": { (node) throws(ONNXImportError) in try node.quantizedAveragePool() },
        "QLinearConcat": { (node) throws(ONNXImportError) in try node.quantizedConcat() },
        "QLinearConv": { (node) throws(ONNXImportError) in try node.quantizedConvolution() },
        "QLinearGlobalAveragePool": { (node) throws(ONNXImportError) in try node.quantizedGlobalAveragePool() },
        "QLinearLeakyRelu": { (node) throws(ONNXImportError) in
            try node.quantizedFunction { (node, steps, x) throws(ONNXImportError) in
                steps.add(.leakyRelu, x, alpha: try node.float("alpha") ?? 0.01)
            }
        },
        "QLinearMul": { (node) throws(ONNXImportError) in try node.quantizedArithmetic(.multiply) },
        "QLinearReduceMean": { (node) throws(ONNXImportError) in
            try node.quantizedFunction { (node, steps, x) throws(ONNXImportError) in
                let axes = try node.checked(try node.integers("axes") ?? [])
                let keeps = try node.flag("keepdims", default: true)
                return steps.add(.reduceMean(ReduceMean(axes: axes, keepsDimensions: keeps)), x)
            }
        },
        "QLinearSigmoid": { (node) throws(ONNXImportError) in
            try node.quantizedFunction { (_, steps, x) throws(ONNXImportError) in steps.add(.sigmoid, x) }
        },
        "QLinearSoftmax": { (node) throws(ONNXImportError) in try node.quantizedSoftmax() },
        "QuantizeLinear": { (node) throws(ONNXImportError) in try node.quantizeLinear() },
        "QuickGelu": { (node) throws(ONNXImportError) in try node.quickGelu() },
        "SkipLayerNormalization": { (node) throws(ONNXImportError) in try node.skipNormalization(isSimple: false) },
        "SkipSimplifiedLayerNormalization": { (node) throws(ONNXImportError) in
            try node.skipNormalization(isSimple: true)
        },
    ]

    /// Operators that are supported on constants only, as exporters use them for arithmetic on shapes.
    static let onConstants = Set(ConstantOperators.table.keys).subtracting(lowerings.keys)
        .union(["ConstantOfShape", "If", "Loop", "Range"])

    static var names: [String] {
        Set(lowerings.keys).union(onConstants).union(GraphImporter.sequenceOperators).sorted()
    }
    static var runtimeNames: [String] { runtimeLowerings.keys.sorted() }
}
