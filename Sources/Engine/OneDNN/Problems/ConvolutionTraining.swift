// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

/// The three primitives for training a convolution over two axes, of stride 1 and dilation 1: forward, gradient of the
/// source, gradient of the weights. It is immutable, so any thread may use it.
package struct ConvolutionTraining: Sendable {
    package let forward: PrimitiveDescription
    package let sourceGradient: PrimitiveDescription
    /// Gradient of weights and bias.
    package let weightsGradient: PrimitiveDescription

    /// - Parameters:
    ///   - source: `[n, c, h, w]`.
    ///   - weights: `[m, c, kernel, kernel]`; usually ``TensorLayout/any(_:element:)``, so that each primitive chooses
    ///     its own layout.
    ///   - bias: `[m]`.
    ///   - destination: `[n, m, h', w']`.
    ///   - pad: Number of zeros on each side.
    package init(
        source: TensorLayout, weights: TensorLayout, bias: TensorLayout, destination: TensorLayout, pad: Int
    ) throws(OneDNNError) {
        let operation = "training a convolution of \(source) with \(weights) to \(destination)"
        let (ones, zeros, pads) = (
            [Int64](repeating: 1, count: 2), [Int64](repeating: 0, count: 2), [Int64(pad), Int64(pad)]
        )
        var (forward, data, gradient) = (
            dnnl_convolution_desc_t(), dnnl_convolution_desc_t(), dnnl_convolution_desc_t()
        )
        var raw = (source.raw, weights.raw, bias.raw, destination.raw)
        try check(
            dnnl_dilated_convolution_forward_desc_init(
                &forward, dnnl_forward_training, dnnl_convolution_direct, &raw.0, &raw.1, &raw.2, &raw.3, ones, zeros,
                pads, pads), during: operation)
        try check(
            dnnl_dilated_convolution_backward_data_desc_init(
                &data, dnnl_convolution_direct, &raw.0, &raw.1, &raw.3, ones, zeros, pads, pads), during: operation)
        try check(
            dnnl_dilated_convolution_backward_weights_desc_init(
                &gradient, dnnl_convolution_direct, &raw.0, &raw.1, &raw.2, &raw.3, ones, zeros, pads, pads),
            during: operation)
        let described = try PrimitiveDescription.describe(operation, &forward, post: [])
        self.forward = described
        sourceGradient = try PrimitiveDescription.describe(operation, &data, post: [], hint: described)
        weightsGradient = try PrimitiveDescription.describe(operation, &gradient, post: [], hint: described)
    }
}
