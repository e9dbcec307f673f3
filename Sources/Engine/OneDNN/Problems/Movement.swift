// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

extension PrimitiveDescription {
    /// Copies a tensor, times `scale`, to another layout of the same shape.
    package static func reorder(
        from source: TensorLayout, to destination: TensorLayout, scale: Float = 1
    ) throws(OneDNNError) -> PrimitiveDescription {
        try reorder(from: source, to: destination, scales: scale == 1 ? nil : .uniform(scale))
    }

    /// Copies a tensor, times the scales, to another layout of the same shape.
    package static func reorder(
        from source: TensorLayout, to destination: TensorLayout, scales: OutputScales?
    ) throws(OneDNNError) -> PrimitiveDescription {
        try withAttributes([], scales: scales) { (attributes) throws(OneDNNError) in
            try PrimitiveDescription("reorder of \(source) to \(destination)") { (created) throws(OneDNNError) in
                let engine = try Processor.engine
                return withUnsafePointer(to: source.raw) { source in
                    withUnsafePointer(to: destination.raw) {
                        dnnl_reorder_primitive_desc_create(&created, source, engine, $0, engine, attributes)
                    }
                }
            }
        }
    }

    /// Concatenates tensors along one axis.
    package static func concat(
        _ sources: [TensorLayout], axis: Int, destination: TensorLayout
    ) throws(OneDNNError) -> PrimitiveDescription {
        try withAttributes([]) { (attributes) throws(OneDNNError) in
            try PrimitiveDescription("concat of \(sources) along axis \(axis)") { (created) throws(OneDNNError) in
                let engine = try Processor.engine
                return withUnsafePointer(to: destination.raw) {
                    dnnl_concat_primitive_desc_create(
                        &created, $0, Int32(sources.count), Int32(axis), sources.map(\.raw), attributes, engine)
                }
            }
        }
    }
}
