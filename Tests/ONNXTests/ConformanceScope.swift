import ONNXImport

/// Which of ONNX's operator tests are out of scope, and why. A test that is listed must be refused for the reason that
/// is stated; one that is not must pass.
enum ConformanceScope {
    struct Exclusion {
        let reason: String
        /// What the importer's message says.
        let phrase: String
    }

    static func exclusion(of entry: ConformanceTests.Entry) -> Exclusion? {
        if entry.opset["ai.onnx", default: 0] < ONNXModel.opsets.lowerBound, !isUnchangedInOpset7(entry) {
            return Exclusion(
                reason: "Before operator set 7, broadcasting and statistics followed other rules.",
                phrase: "operator set \(entry.opset["ai.onnx", default: 0]) is not supported")
        }
        if let name = entry.ops.first(where: operators.contains) {
            return Exclusion(
                reason: "No operator of the convolutional classifiers that are supported so far.",
                phrase: "operator \(name) ")
        }
        return tests.first { $0.names.contains(entry.name) }?.exclusion
    }

    /// Whether a test of operator set 6 means the same in operator set 7, as which it is then read.
    static func isUnchangedInOpset7(_ entry: ConformanceTests.Entry) -> Bool {
        entry.opset == ["ai.onnx": 6] && entry.ops.allSatisfy(unchangedInOpset7.contains)
    }

    private static let unchangedInOpset7: Set<String> = [
        "Clip", "Concat", "Constant", "Conv", "Elu", "Flatten", "Gather", "LeakyRelu", "MatMul", "MaxPool", "Pad",
        "ReduceMean", "Relu", "Sigmoid", "Slice", "Softmax", "Squeeze", "Tanh", "Transpose",
    ]

    static let operators: Set<String> = [
        "Abs", "ArgMax", "Ceil", "Celu", "ConvInteger", "ConvTranspose", "DepthToSpace", "DequantizeLinear",
        "DynamicQuantizeLinear", "Equal", "Erf", "Exp", "Expand", "Floor", "Gelu", "Greater", "GroupNormalization",
        "InstanceNormalization", "LayerNormalization", "Less", "Log", "LogSoftmax", "LpPool", "MatMulInteger", "Max",
        "Mean", "Min", "Mish", "Neg", "PRelu", "Pow", "QLinearConv", "QLinearMatMul", "QuantizeLinear", "Reciprocal",
        "ReduceMax", "ReduceMin", "ReduceSum", "Resize", "Selu", "Size", "Softplus", "Softsign", "SpaceToDepth",
        "Split", "Sqrt", "ThresholdedRelu", "TopK", "Upsample", "Where",
    ]

    static let tests: [(names: Set<String>, exclusion: Exclusion)] = [
        (
            [
                "test_add_uint8", "test_clip_default_int8_inbounds", "test_div_uint8", "test_edge_pad",
                "test_maxpool_2d_uint8", "test_mul_uint8", "test_reflect_pad", "test_sub_uint8",
            ], Exclusion(reason: "Activations are float32.", phrase: "operates on f32, found")
        ),
        (
            ["test_clip_default_int8_max", "test_clip_default_int8_min"],
            Exclusion(reason: "Activations are float32.", phrase: "expected one f32")
        ),
        (
            ["test_cast_DOUBLE_to_FLOAT"],
            Exclusion(reason: "Only constants may be float64.", phrase: "is float64, only float32 networks")
        ),
        (
            ["test_cast_FLOAT16_to_FLOAT"],
            Exclusion(reason: "Only constants may be float16.", phrase: "is float16, only float32 networks")
        ),
        (
            ["test_cast_FLOAT_to_DOUBLE"],
            Exclusion(reason: "Graphs have no float64.", phrase: "a cast to float64 is not supported")
        ),
        (
            ["test_cast_FLOAT_to_FLOAT16"],
            Exclusion(reason: "Graphs have no float16.", phrase: "a cast to float16 is not supported")
        ),
        (
            [
                "test_dropout_default_mask", "test_dropout_default_mask_ratio",
                "test_maxpool_with_argmax_2d_precomputed_pads",
            ],
            Exclusion(
                reason: "Masks of Dropout and indices of MaxPool serve training.",
                phrase: "only the operator's first output is supported")
        ),
        (
            ["test_wrap_pad"],
            Exclusion(reason: "No classifier pads around the edge.", phrase: "mode 'wrap' is not supported")
        ),
    ]
}
