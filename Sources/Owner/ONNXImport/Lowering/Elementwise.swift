// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Element-wise operators: activations and arithmetic.

extension ImportedNode {
    /// Reads `alpha` and `beta` if the function has them; the defaults are ONNX's.
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
            (low, high) = (
                try constant(1, "minimum")?.bound(this: self), try constant(2, "maximum")?.bound(this: self)
            )
        }
        try require(operands.count <= (opset < 11 ? 1 : 3), "too many inputs")
        let clip = Activation(
            .clip, alpha: low ?? -Float.greatestFiniteMagnitude, beta: high ?? Float.greatestFiniteMagnitude)
        return .operation(.activation(clip), operands: [try input(0)])
    }

    /// Before opset 7, the second operand broadcasts only on request: its dimensions are those of the first from `axis`
    /// on.
    mutating func arithmetic(_ function: Arithmetic.Function) throws(ONNXImportError) -> Lowered {
        let names = try inputs(2...2)
        if function == .divide, isInteger(0), isInteger(1), operand(0)?.constant == nil || operand(1)?.constant == nil {
            // Integers that depend on the image are represented as floats: rounded toward zero.
            return try expansion { (steps) throws(ONNXImportError) in
                let quotient = steps.add(.divide, try source(0), try source(1))
                return steps.truncated(quotient, minusOne: try number(-1))
            }
        }
        guard opset < 7 else { return .operation(.arithmetic(Arithmetic(function)), operands: names) }
        let (a, b) = (try shape(0), try shape(1))
        let broadcasts = try flag("broadcast")
        let axis = try integer("axis") ?? a.rank - b.rank
        guard broadcasts else {
            try require(a == b, "operands \(a) and \(b) differ and 'broadcast' is not set")
            return .operation(.arithmetic(Arithmetic(function)), operands: names)
        }
        try require(
            (0...a.rank).contains(axis) && axis + b.rank <= a.rank, "operand \(b) at axis \(axis) does not fit \(a)")
        let trailing = a.rank - b.rank - axis
        return try expansion { (steps) throws(ONNXImportError) in
            var second = try source(1)
            if trailing > 0 {
                second = steps.add(.unsqueeze(Unsqueeze(axes: Array(b.rank..<b.rank + trailing))), second)
            }
            return steps.add(function, try source(0), second)
        }
    }

    private func isInteger(_ index: Int) -> Bool { operand(index)?.isInteger ?? false }

    mutating func identity() throws(ONNXImportError) -> Lowered {
        let names = try inputs(1...1)
        if let constant = operand(0)?.constant { return .constant(constant) }
        return .operation(.identity(Identity()), operands: names)
    }

    /// The identity in inference. The mask output is not computed.
    mutating func dropout() throws(ONNXImportError) -> Lowered {
        ignore("seed")
        if opset < 7 { ignore("is_test") }
        if opset < 12 { ignore("ratio") }
        try require(operands.count <= (opset < 12 ? 1 : 3), "too many inputs")
        if let training = try constant(2, "training_mode") {
            let isTraining = training.withBytes { bytes in bytes.contains { $0 != 0 } }
            try require(!isTraining, .unsupported, RefusedOperators.trains)
        }
        return .operation(.identity(Identity(isDropout: true)), operands: [try input(0)])
    }
}

extension Tensor {
    /// A bound of `Clip`, of any type.
    fileprivate func bound(this node: ImportedNode) throws(ONNXImportError) -> Float {
        try node.require(shape.elementCount == 1, .unsupported, "a bound is \(type), expected one number")
        return Float(numbers()[0])
    }
}
