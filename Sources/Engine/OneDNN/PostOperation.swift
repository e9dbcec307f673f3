// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

/// An element-wise function as oneDNN defines it.
package struct Elementwise: Sendable, Hashable {
    package enum Function: String, Sendable, Hashable {
        /// x < 0 ? alpha * x : x
        case relu
        /// min(max(x, alpha), beta)
        case clip
        /// 1 / (1 + exp(-x))
        case logistic
        /// alpha * x + beta
        case linear
        /// x * min(max(x / 6 + 0.5, 0), 1)
        case hardSwish
        case tanh
        /// x < 0 ? alpha * (exp(x) - 1) : x
        case elu
        /// x / (1 + exp(-alpha * x))
        case swish
        case squareRoot
        case exponential
        /// The natural logarithm.
        case logarithm
        case absolute
        /// log(1 + exp(x))
        case softplus
        /// x * tanh(log(1 + exp(x)))
        case mish
        /// x * (1 + erf(x / sqrt(2))) / 2
        case gelu
        /// The approximation of `gelu` by tanh.
        case geluTanh
        /// The nearest integer, halves to even.
        case round
    }

    package var function: Function
    package var alpha: Float
    package var beta: Float

    package init(_ function: Function, alpha: Float = 0, beta: Float = 0) {
        self.function = function
        self.alpha = alpha
        self.beta = beta
    }

    var algorithm: dnnl_alg_kind_t {
        switch function {
        case .relu: dnnl_eltwise_relu
        case .clip: dnnl_eltwise_clip
        case .logistic: dnnl_eltwise_logistic
        case .linear: dnnl_eltwise_linear
        case .hardSwish: dnnl_eltwise_hardswish
        case .tanh: dnnl_eltwise_tanh
        case .elu: dnnl_eltwise_elu
        case .swish: dnnl_eltwise_swish
        case .squareRoot: dnnl_eltwise_sqrt
        case .exponential: dnnl_eltwise_exp
        case .logarithm: dnnl_eltwise_log
        case .absolute: dnnl_eltwise_abs
        case .softplus: dnnl_eltwise_soft_relu
        case .mish: dnnl_eltwise_mish
        case .gelu: dnnl_eltwise_gelu_erf
        case .geluTanh: dnnl_eltwise_gelu_tanh
        case .round: dnnl_eltwise_round
        }
    }
}

/// A function of two tensors.
package enum BinaryFunction: String, Sendable, Hashable {
    case add
    case subtract
    case multiply
    case divide
    case maximum
    case minimum

    var algorithm: dnnl_alg_kind_t {
        switch self {
        case .add: dnnl_binary_add
        case .subtract: dnnl_binary_sub
        case .multiply: dnnl_binary_mul
        case .divide: dnnl_binary_div
        case .maximum: dnnl_binary_max
        case .minimum: dnnl_binary_min
        }
    }
}

/// A function that a primitive applies to its result before writing it.
package enum PostOperation: Sendable {
    case elementwise(Elementwise)
    /// Adds the destination's previous contents times a scale. They are read as this element type, or as the
    /// destination's if it is `nil`.
    case accumulate(scale: Float, element: LayoutElement?)
    /// Combines the result with another tensor, which is broadcast along axes where its extent is 1.
    case binary(BinaryFunction, TensorLayout)
}

/// Factors of a primitive's result, applied before its post-operations: one factor, or one for each index of an axis of
/// the destination.
///
/// oneDNN copies factors that are part of a description to its own memory, where they outlive the description.
package enum OutputScales: Sendable {
    case uniform(Float)
    case channels([Float], axis: Int = 1)
    /// The factors are an operand of each execution, ``Argument/outputScales``: one number if `axis` is `nil`. oneDNN
    /// does not copy them, but has fast code for them in reorders only.
    case operand(axis: Int?)

    fileprivate var factors: [Float] {
        switch self {
        case .uniform(let factor): [factor]
        case .channels(let factors, _): factors
        case .operand: [conednn_operand_scale()]
        }
    }

    /// oneDNN's mask: the bit of the axis that has one factor per index.
    fileprivate var mask: Int32 {
        switch self {
        case .uniform, .operand(axis: nil): 0
        case .channels(_, let axis), .operand(axis: .some(let axis)): 1 << Int32(axis)
        }
    }
}

/// Runs `body` with attributes that hold the post-operations and select the user scratchpad mode.
func withAttributes<Result>(
    _ post: [PostOperation], scales: OutputScales? = nil,
    _ body: (dnnl_primitive_attr_t?) throws(OneDNNError) -> Result
) throws(OneDNNError) -> Result {
    var attributes: dnnl_primitive_attr_t?
    try check(dnnl_primitive_attr_create(&attributes), during: "creating attributes")
    defer { _ = dnnl_primitive_attr_destroy(attributes) }
    try check(
        dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user),
        during: "setting the scratchpad mode")
    if let scales {
        let factors = scales.factors
        try check(
            dnnl_primitive_attr_set_output_scales(attributes, Int64(factors.count), scales.mask, factors),
            during: "setting output scales")
    }
    guard !post.isEmpty else { return try body(attributes) }
    guard post.keepsParameters else {
        throw OneDNNError(
            message: "post-operations use one function twice with different parameters", isUnimplemented: true)
    }

    var chain: dnnl_post_ops_t?
    try check(dnnl_post_ops_create(&chain), during: "creating post-operations")
    defer { _ = dnnl_post_ops_destroy(chain) }
    for operation in post {
        let status =
            switch operation {
            case .elementwise(let function):
                dnnl_post_ops_append_eltwise(chain, 1, function.algorithm, function.alpha, function.beta)
            case .accumulate(let scale, let element):
                dnnl_post_ops_append_sum_v2(chain, scale, element?.raw ?? dnnl_data_type_undef)
            case .binary(let function, let layout):
                withUnsafePointer(to: layout.raw) { dnnl_post_ops_append_binary(chain, function.algorithm, $0) }
            }
        try check(status, during: "appending post-operation \(operation)")
    }
    try check(dnnl_primitive_attr_set_post_ops(attributes, chain), during: "setting post-operations")
    return try body(attributes)
}

extension [PostOperation] {
    /// Whether oneDNN applies each function with its own parameters. Up to 2.6, generated code looks up parameters by
    /// the kind of function, so that a second function of a kind silently uses the parameters of the first.
    fileprivate var keepsParameters: Bool {
        var first: [Elementwise.Function: Elementwise] = [:]
        for case .elementwise(let function) in self {
            if let other = first[function.function], other != function { return false }
            first[function.function] = function
        }
        return true
    }
}
