// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

/// The function of each window of a pooling.
package enum PoolingFunction: String, Sendable, Hashable {
    case maximum
    /// The mean of the elements inside the source.
    case average
    /// The mean over the window, with zeros outside the source.
    case averageWithPadding

    var algorithm: dnnl_alg_kind_t {
        switch self {
        case .maximum: dnnl_pooling_max
        case .average: dnnl_pooling_avg_exclude_padding
        case .averageWithPadding: dnnl_pooling_avg_include_padding
        }
    }
}

extension PrimitiveDescription {
    /// Pooling over the axes from 2 on.
    ///
    /// - Parameter dilations: 1 for adjacent elements.
    package static func pooling(
        _ function: PoolingFunction, source: TensorLayout, destination: TensorLayout, kernel: [Int], strides: [Int],
        dilations: [Int], padBefore: [Int], padAfter: [Int], post: [PostOperation]
    ) throws(OneDNNError) -> PrimitiveDescription {
        let operation = "\(function.rawValue) pooling of \(source) to \(destination), window \(kernel)"
        try WindowLimits.check(
            operation, strides: strides, dilations: dilations, padding: padBefore + padAfter)
        let (strides, kernel) = (strides.map(Int64.init), kernel.map(Int64.init))
        let (before, after) = (padBefore.map(Int64.init), padAfter.map(Int64.init))
        return try withUnsafePointer(to: source.raw) { (source) throws(OneDNNError) in
            try withUnsafePointer(to: destination.raw) { (destination) throws(OneDNNError) in
                // This form has the faster code but no dilation.
                if dilations.allSatisfy({ $0 == 1 }) {
                    var problem = dnnl_pooling_desc_t()
                    try check(
                        dnnl_pooling_forward_desc_init(
                            &problem, dnnl_forward_inference, function.algorithm, source, destination, strides,
                            kernel, before, after), during: operation)
                    return try describe(operation, &problem, post: post)
                }
                var problem = dnnl_pooling_v2_desc_t()
                try check(
                    dnnl_pooling_v2_forward_desc_init(
                        &problem, dnnl_forward_inference, function.algorithm, source, destination, strides, kernel,
                        dilations.map { Int64($0 - 1) }, before, after), during: operation)
                return try describe(operation, &problem, post: post)
            }
        }
    }
}
