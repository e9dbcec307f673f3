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
    /// Pooling of `[n, c, extents…]` over the axes from 2 on.
    ///
    /// - Parameter dilations: 1 for adjacent elements.
    /// - Throws: ``OneDNNError``, unimplemented for a window beyond oneDNN's or this module's limits.
    package static func pooling(
        _ function: PoolingFunction, source: TensorLayout, destination: TensorLayout, kernel: [Int], strides: [Int],
        dilations: [Int], padBefore: [Int], padAfter: [Int]
    ) throws(OneDNNError) -> PrimitiveDescription {
        let operation = "\(function.rawValue) pooling of \(source) to \(destination), window \(kernel)"
        try WindowLimits.check(
            operation, strides: strides, dilations: dilations, padding: padBefore + padAfter)
        let (strides, kernel) = (strides.map(Int64.init), kernel.map(Int64.init))
        let (before, after) = (padBefore.map(Int64.init), padAfter.map(Int64.init))
        return try withUnsafePointer(to: source.raw) { (source) throws(OneDNNError) in
            try withUnsafePointer(to: destination.raw) { (destination) throws(OneDNNError) in
                // oneDNN has faster code for this form, which has no dilations.
                if dilations.allSatisfy({ $0 == 1 }) {
                    var problem = dnnl_pooling_desc_t()
                    try check(
                        dnnl_pooling_forward_desc_init(
                            &problem, dnnl_forward_inference, function.algorithm, source, destination, strides,
                            kernel, before, after), during: operation)
                    return try describe(operation, &problem, post: [])
                }
                var problem = dnnl_pooling_v2_desc_t()
                try check(
                    dnnl_pooling_v2_forward_desc_init(
                        &problem, dnnl_forward_inference, function.algorithm, source, destination, strides, kernel,
                        dilations.map { Int64($0 - 1) }, before, after), during: operation)
                return try describe(operation, &problem, post: [])
            }
        }
    }
}

/// Maximum pooling of a tensor whose channels are in blocks of 8, by the calling thread's team. oneDNN's AVX2 code
/// takes four times as long (`Documentation/engine-internals.md`, "Maximum pooling").
package struct BlockedMaximumPooling: Sendable {
    private let windows: conednn_windows

    /// - Parameters:
    ///   - source: `[n, c, h, w]`.
    ///   - destination: `[n, c, h', w']`.
    ///   - dilations: 1 for adjacent elements.
    /// - Returns: `nil` unless both layouts are dense blocks of 8 float32 channels, the processor has AVX2, and each
    ///   window contains an element of the source.
    package init?(
        source: TensorLayout, destination: TensorLayout, kernel: [Int], strides: [Int], dilations: [Int],
        padBefore: [Int]
    ) {
        guard ProcessorSupport.hasAVX2, source.element == .float32, destination.element == .float32,
            source.channelBlock == 8, destination.channelBlock == 8,
            source.dimensions.prefix(2) == destination.dimensions.prefix(2), kernel.count == 2, strides.count == 2,
            dilations.count == 2, padBefore.count == 2
        else { return nil }
        let (extents, result) = (source.dimensions.dropFirst(2), destination.dimensions.dropFirst(2))
        for (axis, (extent, size)) in zip(extents, result).enumerated() {
            // Each window contains an element of the source: the first window reaches beyond the padding, the last one
            // begins before the source's end, and no window steps over the whole source.
            let last = (size - 1) * strides[axis] - padBefore[axis]
            let reach = (kernel[axis] - 1) * dilations[axis]
            guard dilations[axis] <= extent, padBefore[axis] <= reach, last < extent else { return nil }
        }
        func pair(_ values: some Sequence<Int>) -> (Int64, Int64) {
            let values = values.map(Int64.init)
            return (values[0], values[1])
        }
        windows = conednn_windows(
            planes: Int64(source.dimensions[0] * source.dimensions[1] / 8), extents: pair(extents),
            result: pair(result), kernel: pair(kernel), strides: pair(strides), dilations: pair(dilations),
            pads: pair(padBefore))
    }

    /// - Parameters:
    ///   - source: Elements in the source's layout.
    ///   - destination: Memory for the destination's layout; every element is written.
    package func run(_ source: UnsafePointer<Float>, to destination: UnsafeMutablePointer<Float>) {
        withUnsafePointer(to: windows) { conednn_pool_maximum($0, source, destination) }
    }
}
