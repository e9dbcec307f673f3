// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

extension PrimitiveDescription {
    /// Convolution over the axes from 2 on.
    ///
    /// - Parameters:
    ///   - source: `[n, c, extents…]`.
    ///   - weights: `[m, c, kernel…]`, or `[groups, m / groups, c / groups, kernel…]`.
    ///   - bias: `[m]`.
    ///   - destination: `[n, m, extents…]`.
    ///   - dilations: 1 for adjacent elements.
    /// - Throws: ``OneDNNError``, unimplemented if oneDNN has no code for the algorithm.
    package static func convolution(
        source: TensorLayout, weights: TensorLayout, bias: TensorLayout?, destination: TensorLayout,
        strides: [Int], dilations: [Int], padBefore: [Int], padAfter: [Int], post: [PostOperation],
        scales: OutputScales? = nil, algorithm: ConvolutionAlgorithm = .direct
    ) throws(OneDNNError) -> PrimitiveDescription {
        let operation = "convolution of \(source) with \(weights) to \(destination)"
        try WindowLimits.check(
            operation, strides: strides, dilations: dilations, padding: padBefore + padAfter)
        var problem = dnnl_convolution_desc_t()
        let empty = dnnl_memory_desc_t()
        let status = withUnsafePointer(to: source.raw) { source in
            withUnsafePointer(to: weights.raw) { weights in
                withUnsafePointer(to: bias?.raw ?? empty) { bias in
                    withUnsafePointer(to: destination.raw) { destination in
                        dnnl_dilated_convolution_forward_desc_init(
                            &problem, dnnl_forward_inference, algorithm.kind, source, weights, bias, destination,
                            strides.map(Int64.init), dilations.map { Int64($0 - 1) },
                            padBefore.map(Int64.init), padAfter.map(Int64.init))
                    }
                }
            }
        }
        try check(status, during: operation)
        return try describe(operation, &problem, post: post, scales: scales, implementation: algorithm.implementation)
    }

    /// Chooses code for a problem.
    ///
    /// - Parameters:
    ///   - problem: Points to the problem in oneDNN's structure for this kind of operation.
    ///   - hint: For a gradient, the description of the forward problem.
    ///   - implementation: A string that the name of the code must contain; `nil` for oneDNN's first choice.
    static func describe(
        _ operation: String, _ problem: UnsafeRawPointer, post: [PostOperation], scales: OutputScales? = nil,
        hint: PrimitiveDescription? = nil, implementation: String? = nil
    ) throws(OneDNNError) -> PrimitiveDescription {
        try withAttributes(post, scales: scales) { (attributes) throws(OneDNNError) in
            guard let implementation else {
                return try PrimitiveDescription(operation) { (created) throws(OneDNNError) in
                    dnnl_primitive_desc_create(&created, problem, attributes, try Processor.engine, hint?.handle)
                }
            }
            var choices: dnnl_primitive_desc_iterator_t?
            try check(
                dnnl_primitive_desc_iterator_create(
                    &choices, problem, attributes, try Processor.engine, hint?.handle), during: operation)
            defer { _ = dnnl_primitive_desc_iterator_destroy(choices) }
            repeat {
                let description = try PrimitiveDescription(operation) { created in
                    created = dnnl_primitive_desc_iterator_fetch(choices)
                    return dnnl_success
                }
                if description.implementation.contains(implementation) { return description }
            } while dnnl_primitive_desc_iterator_next(choices) == dnnl_success
            throw OneDNNError(message: "oneDNN: \(operation): no \(implementation)", isUnimplemented: true)
        }
    }
}

/// How a convolution is computed.
package enum ConvolutionAlgorithm: Sendable, Hashable {
    /// Direct convolution.
    case direct
    /// Winograd's minimal filtering of 3x3 kernels (Lavin and Gray, arXiv 1509.09308). For each pair of channels, a
    /// tile of results takes (tile + 2)² products instead of 9 tile². Weights are transformed once, from 9 elements to
    /// (tile + 2)². Rounding errors are about 1e-6 of the largest value near the tile. An operand that is infinite or
    /// NaN makes the whole tile infinite or NaN, and a ReLU may turn a NaN into 0.
    case winograd(WinogradTile)

    fileprivate var kind: dnnl_alg_kind_t {
        switch self {
        case .direct: dnnl_convolution_direct
        case .winograd: dnnl_convolution_winograd
        }
    }

    /// A substring of oneDNN's name for the code; `nil` lets oneDNN choose.
    fileprivate var implementation: String? {
        switch self {
        case .direct: nil
        case .winograd(let tile): "wino_\(tile.rawValue)x3"
        }
    }
}

/// The side length of a tile of results.
package enum WinogradTile: Int, Sendable, Hashable {
    case two = 2
    case four = 4

    /// Number of elements of a transformed 3x3 kernel.
    package var transformedElements: Int { (rawValue + 2) * (rawValue + 2) }
}
