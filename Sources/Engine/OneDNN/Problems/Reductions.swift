// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

/// The function of a reduction.
package enum ReductionFunction: String, Sendable, Hashable {
    case sum
    case maximum
    case minimum
    case mean

    var algorithm: dnnl_alg_kind_t {
        switch self {
        case .sum: dnnl_reduction_sum
        case .maximum: dnnl_reduction_max
        case .minimum: dnnl_reduction_min
        case .mean: dnnl_reduction_mean
        }
    }
}

extension PrimitiveDescription {
    /// A reduction along the axes whose extent in the destination is 1.
    package static func reduction(
        _ function: ReductionFunction, source: TensorLayout, destination: TensorLayout
    ) throws(OneDNNError) -> PrimitiveDescription {
        let operation = "\(function.rawValue) of \(source) to \(destination)"
        var problem = dnnl_reduction_desc_t()
        let status = withUnsafePointer(to: source.raw) { source in
            withUnsafePointer(to: destination.raw) {
                dnnl_reduction_desc_init(&problem, function.algorithm, source, $0, 0, 0)
            }
        }
        try check(status, during: operation)
        return try describe(operation, &problem, post: [])
    }
}
