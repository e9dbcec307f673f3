import ModelGraph
import Tensors

// Operators on single elements: activations and arithmetic.

extension ImportedNode {
    /// Takes `alpha` and `beta` where the function has them; the defaults are ONNX's.
    mutating func activation(
        _ function: Activation.Function, alpha: Float? = nil, beta: Float? = nil
    ) throws(ONNXImportError) -> Lowered {
        var activation = Activation(function)
        if let alpha { activation.alpha = try float("alpha") ?? alpha }
        if let beta { activation.beta = try float("beta") ?? beta }
        return .operation(.activation(activation), operands: try inputs(1...1))
    }

    /// Bounds are attributes before opset 11, inputs since.
    mutating func clip() throws(ONNXImportError) -> Lowered {
        var (low, high): (Float?, Float?)
        if opset < 11 {
            (low, high) = (try float("min"), try float("max"))
        } else {
            (low, high) = (try constantFloat(1, "minimum"), try constantFloat(2, "maximum"))
        }
        try require(operands.count <= (opset < 11 ? 1 : 3), "too many inputs")
        let clip = Activation(
            .clip, alpha: low ?? -Float.greatestFiniteMagnitude, beta: high ?? Float.greatestFiniteMagnitude)
        return .operation(.activation(clip), operands: [try input(0)])
    }

    mutating func arithmetic(_ function: Arithmetic.Function) throws(ONNXImportError) -> Lowered {
        .operation(.arithmetic(Arithmetic(function)), operands: try inputs(2...2))
    }

    mutating func sum() throws(ONNXImportError) -> Lowered {
        let names = try inputs(1...Int.max)
        return names.count == 1 ? .operation(.identity(Identity()), operands: names) : .sum(names)
    }

    mutating func identity() throws(ONNXImportError) -> Lowered {
        let names = try inputs(1...1)
        if case .wide(let constant)? = operand(0)?.constant { return .constant(.wide(constant)) }
        return .operation(.identity(Identity()), operands: names)
    }

    /// Inference lets everything through. The mask of what was let through is not made.
    mutating func dropout() throws(ONNXImportError) -> Lowered {
        ignore("seed")
        if opset < 12 { ignore("ratio") }
        try require(operands.count <= (opset < 12 ? 1 : 3), "too many inputs")
        if let training = try constant(2, "training_mode") {
            let isTraining = training.withBytes { bytes in bytes.contains { $0 != 0 } }
            try require(!isTraining, .unsupported, "training_mode is on, only inference is supported")
        }
        return .operation(.identity(Identity(isDropout: true)), operands: [try input(0)])
    }
}
