// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

extension PrimitiveDescription {
    /// The inner product of `[n, c, …]` and weights `[m, c, …]`, plus a bias `[m]`, as `[n, m]`.
    package static func innerProduct(
        source: TensorLayout, weights: TensorLayout, bias: TensorLayout?, destination: TensorLayout,
        post: [PostOperation]
    ) throws(OneDNNError) -> PrimitiveDescription {
        let operation = "inner product of \(source) with \(weights)"
        var problem = dnnl_inner_product_desc_t()
        let empty = dnnl_memory_desc_t()
        let status = withUnsafePointer(to: source.raw) { source in
            withUnsafePointer(to: weights.raw) { weights in
                withUnsafePointer(to: bias?.raw ?? empty) { bias in
                    withUnsafePointer(to: destination.raw) { destination in
                        dnnl_inner_product_forward_desc_init(
                            &problem, dnnl_forward_inference, source, weights, bias, destination)
                    }
                }
            }
        }
        try check(status, during: operation)
        return try describe(operation, &problem, post: post)
    }

    /// The matrix product of `[…, m, k]` and `[…, k, n]`, plus a bias `[…, 1, n]`. The axes before the matrices are
    /// broadcast.
    package static func matMul(
        source: TensorLayout, weights: TensorLayout, bias: TensorLayout? = nil, destination: TensorLayout,
        post: [PostOperation]
    ) throws(OneDNNError) -> PrimitiveDescription {
        let operation = "matrix product of \(source) and \(weights)"
        var problem = dnnl_matmul_desc_t()
        let empty = dnnl_memory_desc_t()
        let status = withUnsafePointer(to: source.raw) { source in
            withUnsafePointer(to: weights.raw) { weights in
                withUnsafePointer(to: bias?.raw ?? empty) { bias in
                    withUnsafePointer(to: destination.raw) { destination in
                        dnnl_matmul_desc_init(&problem, source, weights, bias, destination)
                    }
                }
            }
        }
        try check(status, during: operation)
        return try describe(operation, &problem, post: post)
    }
}
