// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

extension PrimitiveDescription {
    /// Softmax along one axis. Source and destination may be the same memory.
    package static func softmax(_ layout: TensorLayout, axis: Int) throws(OneDNNError) -> PrimitiveDescription {
        let operation = "softmax of \(layout) along axis \(axis)"
        var problem = dnnl_softmax_desc_t()
        let status = withUnsafePointer(to: layout.raw) {
            dnnl_softmax_forward_desc_init(&problem, dnnl_forward_inference, $0, Int32(axis))
        }
        try check(status, during: operation)
        return try describe(operation, &problem, post: [])
    }

    /// Batch normalisation of `[n, c, …]` with given mean, variance, scale and shift, `[c]` each. Its epsilon does not
    /// change a variance of 1.
    ///
    /// If channels do not fill a block, oneDNN 2.6 computes the block's padding with a variance of 0. With an epsilon
    /// of 0 the padding would be NaN, which the next convolution would add to every channel.
    package static func batchNormalization(
        _ layout: TensorLayout, post: [PostOperation]
    ) throws(OneDNNError) -> PrimitiveDescription {
        let operation = "batch normalisation of \(layout)"
        var problem = dnnl_batch_normalization_desc_t()
        let flags = dnnl_use_global_stats.rawValue | dnnl_use_scale.rawValue | dnnl_use_shift.rawValue
        let status = withUnsafePointer(to: layout.raw) {
            dnnl_batch_normalization_forward_desc_init(
                &problem, dnnl_forward_inference, $0, batchNormalizationEpsilon, UInt32(flags))
        }
        try check(status, during: operation)
        return try describe(operation, &problem, post: post)
    }

    /// Small enough that adding it to 1 gives 1 in float32; the reciprocal of its square root is finite.
    private static let batchNormalizationEpsilon: Float = 1e-20

    /// Local response normalisation across a window of `size` channels, an odd number.
    package static func localResponseNormalization(
        _ layout: TensorLayout, size: Int, alpha: Float, beta: Float, bias: Float
    ) throws(OneDNNError) -> PrimitiveDescription {
        let operation = "local response normalisation of \(layout)"
        var problem = dnnl_lrn_desc_t()
        let status = withUnsafePointer(to: layout.raw) {
            dnnl_lrn_forward_desc_init(
                &problem, dnnl_forward_inference, dnnl_lrn_across_channels, $0, Int64(size), alpha, beta, bias)
        }
        try check(status, during: operation)
        return try describe(operation, &problem, post: [])
    }

    /// Normalises each row of a matrix `[rows, n]` to mean 0 and variance 1, multiplies it by a scale `[n]`, and adds a
    /// shift `[n]` if there is one.
    package static func layerNormalization(
        _ layout: TensorLayout, epsilon: Float, hasShift: Bool
    ) throws(OneDNNError) -> PrimitiveDescription {
        let operation = "layer normalisation of \(layout)"
        var problem = dnnl_layer_normalization_desc_t()
        let flags = dnnl_use_scale.rawValue | (hasShift ? dnnl_use_shift.rawValue : 0)
        let status = withUnsafePointer(to: layout.raw) {
            dnnl_layer_normalization_forward_desc_init(
                &problem, dnnl_forward_inference, $0, nil, epsilon, UInt32(flags))
        }
        try check(status, during: operation)
        return try describe(operation, &problem, post: [])
    }
}
