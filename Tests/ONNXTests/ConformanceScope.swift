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
        if let exclusion = tests.first(where: { $0.names.contains(entry.name) })?.exclusion { return exclusion }
        if let name = entry.ops.first(where: { operators[$0] != nil }) {
            return Exclusion(reason: operators[name, default: ""], phrase: "operator \(name) ")
        }
        return nil
    }

    static let operators: [String: String] = [
        "ArgMax": "Its result is positions; the answer to a client names the best classes already.",
        "ConvInteger": "Its result is 32-bit integers; networks with scales use QLinearConv or QuantizeLinear.",
        "ConvTranspose": "It enlarges pictures, which no classifier does.",
        "DynamicQuantizeLinear": "Its scales depend on the input; static quantisation is supported.",
        "MatMulInteger": "Its result is 32-bit integers; networks with scales use QLinearMatMul or QuantizeLinear.",
        "Resize": "It enlarges pictures, which no mainstream classifier does.",
        "TopK": "Its result is positions; the answer to a client names the best classes already.",
        "Upsample": "It enlarges pictures, which no classifier does.",
    ]

    static let tests: [(names: Set<String>, exclusion: Exclusion)] = [
        (
            [
                "test_add_uint8", "test_clip_default_int8_inbounds", "test_div_uint8", "test_edge_pad",
                "test_max_int32", "test_max_int64", "test_max_int8", "test_max_uint8", "test_maxpool_2d_uint8",
                "test_min_int32", "test_min_int64", "test_min_int8", "test_min_uint8", "test_mul_uint8",
                "test_operator_non_float_params",
                "test_pow_types_float32_int32", "test_pow_types_float32_int64", "test_pow_types_int32_float32",
                "test_pow_types_int32_int32", "test_pow_types_int64_float32", "test_pow_types_int64_int64",
                "test_reduce_max_bool_inputs", "test_reduce_min_bool_inputs", "test_reflect_pad", "test_sub_uint8",
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
            [
                "test_reduce_max_empty_set", "test_reduce_min_empty_set", "test_reduce_sum_empty_set",
                "test_reduce_sum_empty_set_non_reduced_axis_zero",
            ], Exclusion(reason: "No classifier reduces nothing.", phrase: "is empty")
        ),
        (
            ["test_dequantizelinear_blocked", "test_quantizelinear_blocked_asymmetric"],
            Exclusion(reason: "Blocks of scales serve language models.", phrase: "scales of blocks are not supported")
        ),
        (
            ["test_wrap_pad"],
            Exclusion(reason: "No classifier pads around the edge.", phrase: "mode 'wrap' is not supported")
        ),
    ]
}
