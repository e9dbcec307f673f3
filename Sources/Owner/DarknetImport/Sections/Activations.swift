// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

extension Network {
    /// Applies an activation by its name in Darknet. Slopes and bounds are fixed.
    mutating func activate(
        _ layer: Layer, _ name: String, in section: Section
    ) throws(DarknetImportError) -> Layer {
        func apply(_ activation: Activation) throws(DarknetImportError) -> Layer {
            try add(.activation(activation), [layer], as: name, in: section)
        }
        switch name {
        case "linear": return layer
        case "relu": return try apply(Activation(.relu))
        case "relu6": return try apply(Activation(.clip, alpha: 0, beta: 6))
        case "leaky": return try apply(Activation(.leakyRelu, alpha: 0.1))
        case "relie": return try apply(Activation(.leakyRelu, alpha: 0.01))
        case "logistic": return try apply(Activation(.sigmoid))
        case "tanh": return try apply(Activation(.tanh))
        case "elu": return try apply(Activation(.elu, alpha: 1))
        case "mish": return try apply(Activation(.mish))
        case "gelu": return try apply(Activation(.geluTanh))
        case "hardtan": return try apply(Activation(.clip, alpha: -1, beta: 1))
        case "swish":
            let gate = try add(.activation(Activation(.sigmoid)), [layer], as: "logistic", in: section)
            return try add(.arithmetic(Arithmetic(.multiply)), [layer, gate], as: name, in: section)
        case "selu":
            let elu = try add(.activation(Activation(.elu, alpha: 1.6732)), [layer], as: "elu", in: section)
            return try add(.multiply, elu, 1.0507, as: name, in: section)
        // 2 / (1 + exp(-x)) - 1
        case "loggy":
            let half = try add(.multiply, layer, 0.5, as: "half", in: section)
            return try add(.activation(Activation(.tanh)), [half], as: name, in: section)
        // x for x > 0, x * x / 2 + x from -2 to 0, 0 below: (x + 2) * x / 2 of the value clipped to this interval, plus
        // the positive part.
        case "hard_mish":
            let middle = try add(
                .activation(Activation(.clip, alpha: -2, beta: 0)), [layer], as: "\(name)_middle", in: section)
            let raised = try add(.add, middle, 2, as: "\(name)_raised", in: section)
            let square = try add(
                .arithmetic(Arithmetic(.multiply)), [middle, raised], as: "\(name)_square", in: section)
            let half = try add(.multiply, square, 0.5, as: "\(name)_half", in: section)
            let above = try add(.activation(Activation(.relu)), [layer], as: "\(name)_above", in: section)
            return try add(.arithmetic(Arithmetic(.add)), [half, above], as: name, in: section)
        case "ramp":
            return try bent(layer, 0.1, Activation(.relu), 1, 0, as: name, in: section)
        case "lhtan":
            return try bent(layer, 0.001, Activation(.clip, alpha: 0, beta: 1), 0.999, 0, as: name, in: section)
        case "plse":
            return try bent(layer, 0.01, Activation(.clip, alpha: -4, beta: 4), 0.115, 0.5, as: name, in: section)
        default:
            throw section.failure(.unsupported, "activation '\(name.prefix(40))' is not supported")
        }
    }

    /// slope * x + weight * activation(x) + shift: piecewise linear functions.
    private mutating func bent(
        _ layer: Layer, _ slope: Float, _ activation: Activation, _ weight: Float, _ shift: Float, as name: String,
        in section: Section
    ) throws(DarknetImportError) -> Layer {
        let line = try add(.multiply, layer, slope, as: "\(name)_slope", in: section)
        var bend = try add(.activation(activation), [layer], as: "\(name)_bend", in: section)
        if weight != 1 { bend = try add(.multiply, bend, weight, as: "\(name)_weight", in: section) }
        if shift != 0 { bend = try add(.add, bend, shift, as: "\(name)_shift", in: section) }
        return try add(.arithmetic(Arithmetic(.add)), [line, bend], as: name, in: section)
    }
}
