// SPDX-License-Identifier: Apache-2.0
import ONNXImport

/// ONNX's operator tests that are out of scope, with the reasons. A listed test must be refused for the stated reason;
/// all others must pass.
enum ConformanceScope {
    struct Exclusion {
        let reason: String
        /// What the importer's message says.
        let phrase: String
    }

    static func exclusion(of entry: ConformanceTests.Entry) -> Exclusion? {
        tests.first { $0.names.contains(entry.name) }?.exclusion
    }

    static let tests: [(names: Set<String>, exclusion: Exclusion)] = [
        (
            ["test_add_uint8", "test_div_uint8", "test_mul_uint8", "test_sub_uint8"],
            Exclusion(reason: "Arithmetic in 8 bits wraps around.", phrase: "wraps around")
        ),
        (
            [
                "test_max_int64", "test_min_int64", "test_operator_non_float_params", "test_pow_types_float32_int64",
                "test_pow_types_int64_float32", "test_pow_types_int64_int64", "test_reduce_max_bool_inputs",
                "test_reduce_min_bool_inputs", "test_where_long_example",
            ],
            Exclusion(reason: "No picture has 64 bits or conditions.", phrase: "operates on u8, i8 or i32, found")
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
            ["test_quantizelinear_blocked_asymmetric"],
            Exclusion(reason: "Blocks of scales serve language models.", phrase: "attribute 'block_size'")
        ),
    ]
}
