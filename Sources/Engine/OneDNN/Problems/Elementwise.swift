// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

extension PrimitiveDescription {
    /// A function of each element; source and destination may be the same memory.
    package static func elementwise(
        _ function: Elementwise, layout: TensorLayout
    ) throws(OneDNNError) -> PrimitiveDescription {
        let operation = "\(function.function.rawValue) of \(layout)"
        var problem = dnnl_eltwise_desc_t()
        let status = withUnsafePointer(to: layout.raw) {
            dnnl_eltwise_forward_desc_init(
                &problem, dnnl_forward_inference, function.algorithm, $0, function.alpha, function.beta)
        }
        try check(status, during: operation)
        return try describe(operation, &problem, post: [])
    }

    /// A function of two tensors. The second is broadcast along axes where its extent is 1.
    package static func binary(
        _ function: BinaryFunction, _ first: TensorLayout, _ second: TensorLayout, destination: TensorLayout,
        post: [PostOperation]
    ) throws(OneDNNError) -> PrimitiveDescription {
        let operation = "\(function.rawValue) of \(first) and \(second)"
        var problem = dnnl_binary_desc_t()
        let status = withUnsafePointer(to: first.raw) { first in
            withUnsafePointer(to: second.raw) { second in
                withUnsafePointer(to: destination.raw) {
                    dnnl_binary_desc_init(&problem, function.algorithm, first, second, $0)
                }
            }
        }
        try check(status, during: operation)
        return try describe(operation, &problem, post: post)
    }
}
