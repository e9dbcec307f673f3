internal import COneDNN

extension PrimitiveDescription {
    /// Convolution over the axes from 2 on.
    ///
    /// - Parameters:
    ///   - weights: `[m, c, kernel…]`, or `[groups, m / groups, c / groups, kernel…]`.
    ///   - dilations: 1 for adjacent elements.
    package static func convolution(
        source: TensorLayout, weights: TensorLayout, bias: TensorLayout?, destination: TensorLayout,
        strides: [Int], dilations: [Int], padBefore: [Int], padAfter: [Int], post: [PostOperation],
        scales: OutputScales? = nil
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
                            &problem, dnnl_forward_inference, dnnl_convolution_direct, source, weights, bias,
                            destination, strides.map(Int64.init), dilations.map { Int64($0 - 1) },
                            padBefore.map(Int64.init), padAfter.map(Int64.init))
                    }
                }
            }
        }
        try check(status, during: operation)
        return try describe(operation, &problem, post: post, scales: scales)
    }

    /// Chooses code for a problem whose description begins at `problem`.
    ///
    /// - Parameter hint: For a gradient, the description of what it is the gradient of.
    static func describe(
        _ operation: String, _ problem: UnsafeRawPointer, post: [PostOperation], scales: OutputScales? = nil,
        hint: PrimitiveDescription? = nil
    ) throws(OneDNNError) -> PrimitiveDescription {
        try withAttributes(post, scales: scales) { (attributes) throws(OneDNNError) in
            try PrimitiveDescription(operation) { (created) throws(OneDNNError) in
                dnnl_primitive_desc_create(&created, problem, attributes, try Processor.engine, hint?.handle)
            }
        }
    }
}
