// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat
import ONNXNames
import Tensors

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The form of an operation in an ONNX file: its attributes, and the inputs that follow its operands.
struct NodeForm {
    /// A constant without a name yet.
    struct ExtraInput {
        /// Its purpose, which becomes part of its name.
        let role: String
        let tensor: ONNXTensorProto
    }

    var node = ONNXNodeProto()
    private(set) var extraInputs: [ExtraInput] = []

    init(_ operation: Operation, opset: Int) {
        node.opType = operation.onnxName
        switch operation {
        case .convolution(let convolution):
            set(convolution.window)
            set("group", convolution.groups)
        case .batchNormalization(let normalization): set("epsilon", normalization.epsilon)
        case .activation(let activation): set(activation)
        case .pooling(let pooling):
            set(pooling.window, hasDilations: pooling.kind == .maximum || opset >= 19)
            set("ceil_mode", pooling.ceil ? 1 : 0)
            if pooling.kind != .maximum { set("count_include_pad", pooling.kind == .averageWithPadding ? 1 : 0) }
        case .gemm(let gemm):
            set("alpha", gemm.alpha)
            set("beta", gemm.beta)
            set("transA", gemm.transposeA ? 1 : 0)
            set("transB", gemm.transposeB ? 1 : 0)
        case .concat(let concat): set("axis", concat.axis)
        case .reshape(let reshape): add("shape", reshape.dimensions)
        case .flatten(let flatten): set("axis", flatten.axis)
        case .squeeze(let squeeze): if !squeeze.axes.isEmpty { add("axes", squeeze.axes) }
        case .unsqueeze(let unsqueeze): add("axes", unsqueeze.axes)
        case .transpose(let transpose): set("perm", transpose.permutation)
        case .slice(let slice):
            add("starts", slice.starts)
            add("ends", slice.ends)
            add("axes", slice.axes)
            add("steps", slice.steps)
        case .pad(let pad): set(pad)
        case .softmax(let softmax): set("axis", softmax.axis)
        case .localResponseNormalization(let normalization):
            set("size", normalization.size)
            set("alpha", normalization.alpha)
            set("beta", normalization.beta)
            set("bias", normalization.bias)
        case .reduceMean(let mean):
            set("keepdims", mean.keepsDimensions ? 1 : 0)
            if !mean.axes.isEmpty {
                if opset < 18 { set("axes", mean.axes) } else { add("axes", mean.axes) }
            }
        case .reduction(let reduction):
            set("keepdims", reduction.extent.keepsDimensions ? 1 : 0)
            if !reduction.extent.axes.isEmpty {
                if reduction.function != .sum, opset < 18 {
                    set("axes", reduction.extent.axes)
                } else {
                    add("axes", reduction.extent.axes)
                }
            }
        case .layerNormalization(let normalization):
            set("axis", normalization.axis)
            set("epsilon", normalization.epsilon)
        case .quantizeLinear(let quantize): set("axis", quantize.axis)
        case .dequantizeLinear(let dequantize): set("axis", dequantize.axis)
        case .arithmetic, .globalPooling, .matMul, .identity: break
        }
    }

    private mutating func set(_ window: Window, hasDilations: Bool = true) {
        set("kernel_shape", window.kernel)
        set("strides", window.strides)
        if hasDilations { set("dilations", window.dilations) }
        set("pads", window.pads)
    }

    private mutating func set(_ activation: Activation) {
        switch activation.function {
        case .leakyRelu, .elu, .thresholdedRelu: set("alpha", activation.alpha)
        case .geluTanh: set("approximate", "tanh")
        case .hardSigmoid:
            set("alpha", activation.alpha)
            set("beta", activation.beta)
        case .clip:
            add("min", activation.alpha)
            add("max", activation.beta)
        case .relu, .sigmoid, .hardSwish, .tanh, .exponential, .logarithm, .squareRoot, .absolute, .erf, .floor, .ceil,
            .round, .softplus, .mish, .gelu:
            break
        }
    }

    private mutating func set(_ pad: Pad) {
        let mode =
            switch pad.mode {
            case .constant: "constant"
            case .reflect: "reflect"
            case .edge: "edge"
            }
        set("mode", mode)
        add("pads", pad.pads)
        add("value", pad.value)
    }

    private mutating func set(_ name: String, _ text: String) {
        var attribute = ONNXAttributeProto()
        attribute.type = .string
        attribute.s = Data(text.utf8)
        append(attribute, name)
    }

    private mutating func set(_ name: String, _ value: Int) {
        var attribute = ONNXAttributeProto()
        attribute.type = .int
        attribute.i = Int64(value)
        append(attribute, name)
    }

    private mutating func set(_ name: String, _ values: [Int]) {
        var attribute = ONNXAttributeProto()
        attribute.type = .ints
        attribute.ints = values.map(Int64.init)
        append(attribute, name)
    }

    private mutating func set(_ name: String, _ value: Float) {
        var attribute = ONNXAttributeProto()
        attribute.type = .float
        attribute.f = value
        append(attribute, name)
    }

    private mutating func append(_ attribute: ONNXAttributeProto, _ name: String) {
        var attribute = attribute
        attribute.name = name
        node.attribute.append(attribute)
    }

    private mutating func add(_ role: String, _ values: [Int]) {
        var tensor = ONNXTensorProto()
        tensor.dims = [Int64(values.count)]
        tensor.dataType = Int32(ONNXTensorProto.DataType.int64.rawValue)
        tensor.int64Data = values.map(Int64.init)
        extraInputs.append(ExtraInput(role: role, tensor: tensor))
    }

    private mutating func add(_ role: String, _ value: Float) {
        var tensor = ONNXTensorProto()
        tensor.dataType = Int32(ONNXTensorProto.DataType.float.rawValue)
        tensor.floatData = [value]
        extraInputs.append(ExtraInput(role: role, tensor: tensor))
    }
}
