// SPDX-License-Identifier: Apache-2.0
internal import COneDNN
internal import Tensors

/// A problem for which oneDNN has chosen code and layouts. It is immutable, so any thread may use it.
///
/// - Note: `@unchecked Sendable` because oneDNN only reads a descriptor after its creation.
package final class PrimitiveDescription: @unchecked Sendable {
    let handle: dnnl_primitive_desc_t
    /// The operation, with shapes.
    package let operation: String
    /// oneDNN's name for the chosen code.
    package let implementation: String
    /// Working memory of one execution.
    package let scratchpad: TensorLayout

    /// Takes ownership of the descriptor that `create` stores.
    init(
        _ operation: String, create: (inout dnnl_primitive_desc_t?) throws(OneDNNError) -> dnnl_status_t
    ) throws(OneDNNError) {
        var created: dnnl_primitive_desc_t?
        try check(try create(&created), during: operation)
        guard let created else {
            throw OneDNNError(message: "oneDNN: \(operation): no implementation", isUnimplemented: true)
        }
        handle = created
        self.operation = operation
        var name: UnsafePointer<CChar>?
        _ = withUnsafeMutablePointer(to: &name) { dnnl_primitive_desc_query(created, dnnl_query_impl_info_str, 0, $0) }
        implementation = name.map { String(cString: $0) } ?? "unnamed"
        scratchpad = TensorLayout(
            dnnl_primitive_desc_query_md(created, dnnl_query_scratchpad_md, 0)?.pointee ?? dnnl_memory_desc_t())
        LiveObjects.created()
    }

    deinit {
        _ = dnnl_primitive_desc_destroy(handle)
        LiveObjects.destroyed()
    }

    /// The layout that the primitive requires for an argument.
    package func layout(of argument: Argument) -> TensorLayout {
        let description = dnnl_primitive_desc_query_md(handle, dnnl_query_exec_arg_md, argument.index)
        return TensorLayout(description?.pointee ?? dnnl_memory_desc_t())
    }

    /// Whether the code is a slow reference implementation of oneDNN's, chosen if there is no other.
    package var isReference: Bool { implementation.hasPrefix("ref") || implementation.hasPrefix("simple:any") }

    /// Whether the code is plain loops, not written for vector instructions: a reference implementation, or one such as
    /// `simple_nchw:any`.
    package var hasPlainLoops: Bool { isReference || implementation.hasPrefix("simple") }
}

/// An argument of a primitive.
package enum Argument: Sendable, Hashable {
    case source
    case secondSource
    case destination
    case weights
    case bias
    /// The scale, and the shift, of a normalisation.
    case scale
    case shift
    /// The mean, and the variance, of a batch normalisation.
    case mean
    case variance
    case scratchpad
    /// Gradients of the forward problem's arguments of these names.
    case sourceGradient
    case destinationGradient
    case weightsGradient
    case biasGradient
    /// A source of a concatenation.
    case part(Int)
    /// The factors of ``OutputScales/operand(axis:)``, a vector.
    case outputScales
    /// The operand of a binary post-operation, by its index among the post-operations.
    case postOperand(Int)

    var index: Int32 {
        switch self {
        case .source: DNNL_ARG_SRC_0
        case .secondSource: DNNL_ARG_SRC_1
        case .destination: DNNL_ARG_DST
        case .weights: DNNL_ARG_WEIGHTS
        case .bias: DNNL_ARG_BIAS
        case .scale: DNNL_ARG_SCALE
        case .shift: DNNL_ARG_SHIFT
        case .mean: DNNL_ARG_MEAN
        case .variance: DNNL_ARG_VARIANCE
        case .scratchpad: DNNL_ARG_SCRATCHPAD
        case .sourceGradient: DNNL_ARG_DIFF_SRC
        case .destinationGradient: DNNL_ARG_DIFF_DST
        case .weightsGradient: DNNL_ARG_DIFF_WEIGHTS
        case .biasGradient: DNNL_ARG_DIFF_BIAS
        case .part(let index): DNNL_ARG_MULTIPLE_SRC + Int32(index)
        case .outputScales: DNNL_ARG_ATTR_OUTPUT_SCALES
        case .postOperand(let index):
            DNNL_ARG_ATTR_MULTIPLE_POST_OP_BASE * Int32(index + 1) | DNNL_ARG_SRC_1
        }
    }
}

/// A primitive with its arguments, ready to run. One thread at a time may use it.
package final class Invocation {
    private let primitive: dnnl_primitive_t
    private let arguments: [dnnl_exec_arg_t]
    private let operation: String
    /// `arguments` refers to them.
    private let memories: [TensorMemory]

    package init(
        _ description: PrimitiveDescription, _ arguments: [(Argument, TensorMemory)]
    ) throws(OneDNNError) {
        var created: dnnl_primitive_t?
        try check(dnnl_primitive_create(&created, description.handle), during: description.operation)
        guard let created else {
            throw OneDNNError(message: "oneDNN: \(description.operation): no primitive", isUnimplemented: false)
        }
        primitive = created
        operation = description.operation
        memories = arguments.map(\.1)
        self.arguments = arguments.map { dnnl_exec_arg_t(arg: $0.0.index, memory: $0.1.handle) }
        LiveObjects.created()
    }

    deinit {
        _ = dnnl_primitive_destroy(primitive)
        LiveObjects.destroyed()
    }

    package func execute(on stream: ExecutionStream) throws(OneDNNError) {
        try check(
            dnnl_primitive_execute(primitive, stream.handle, Int32(arguments.count), arguments), during: operation)
    }
}
