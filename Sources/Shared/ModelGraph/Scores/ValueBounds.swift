// SPDX-License-Identifier: Apache-2.0
import Glibc
import Tensors

/// Bounds of the values of a graph for any input, by interval arithmetic in the order of the nodes. An operator that
/// it does not know has unknown bounds, so bounds that are given hold.
struct ValueBounds {
    /// Larger constants are not read.
    static let maximumConstantElements = 1 << 22
    /// How far a denominator is followed to find its numerator in it.
    private static let maximumDepth = 6

    /// Bounds of constants that were read, so that each is read once.
    private final class Constants {
        var bounds: [String: ElementBounds] = [:]
    }

    private let graph: Graph
    private let constants = Constants()
    /// Bounds that are not unknown.
    private var known: [String: ElementBounds] = [:]
    private var makers: [String: Int] = [:]
    /// By operand.
    private var exponentials: [String: String] = [:]

    init(of graph: Graph) {
        self.graph = graph
        for (index, node) in graph.nodes.enumerated() {
            for output in node.outputs { makers[output] = index }
            if case .activation(let activation) = node.operation, activation.function == .exponential {
                exponentials[node.inputs[0]] = node.outputs[0]
            }
            // Constants are read only where they matter, so that the weights of a large model are not.
            guard node.outputs.count == 1, canBeBounded(node) else { continue }
            for input in node.inputs where known[input] == nil {
                if graph.constants[input] != nil { known[input] = self[input] }
            }
            let bounds = result(of: node).counted(graph.type(of: node.outputs[0]).shape.elementCount)
            if !bounds.isUnknown { known[node.outputs[0]] = bounds }
        }
    }

    private func canBeBounded(_ node: Node) -> Bool {
        switch node.operation {
        case .convolution, .batchNormalization, .localResponseNormalization, .layerNormalization: false
        case .matMul, .gemm: node.inputs.contains { known[$0].map { $0.mass < .infinity } ?? false }
        default: node.operation.hasBounds || node.inputs.contains { known[$0] != nil }
        }
    }

    subscript(name: String) -> ElementBounds {
        if let bounds = known[name] ?? constants.bounds[name] { return bounds }
        guard let tensor = graph.constants[name] else { return .unknown }
        let bounds = Self.bounds(of: tensor)
        constants.bounds[name] = bounds
        return bounds
    }

    private static func bounds(of constant: Tensor) -> ElementBounds {
        let count = constant.shape.elementCount
        guard constant.element == .float32, (1...maximumConstantElements).contains(count) else { return .unknown }
        return constant.withElements(as: Float.self) { values in
            var (low, high, mass) = (Double.infinity, -Double.infinity, 0.0)
            for value in values {
                guard value.isFinite else { return .unknown }
                (low, high, mass) = (min(low, Double(value)), max(high, Double(value)), mass + abs(Double(value)))
            }
            return ElementBounds(low, high, mass: mass)
        }
    }

    private func count(_ name: String) -> Int { graph.type(of: name).shape.elementCount }

    private func result(of node: Node) -> ElementBounds {
        let x = self[node.inputs[0]]
        switch node.operation {
        case .identity, .reshape, .flatten, .squeeze, .unsqueeze, .transpose, .slice: return x
        case .softmax(let softmax): return .unit.with(mass: Double(distributions(softmax, node.inputs[0])))
        case .activation(let activation): return activation.bounds(for: x)
        case .arithmetic(let arithmetic): return result(of: arithmetic, node)
        case .concat:
            let parts = node.inputs.map { self[$0] }
            return parts.dropFirst().reduce(x) { $0.joined($1) }.with(mass: parts.reduce(0) { $0 + $1.mass })
        case .pad(let pad):
            let padded = pad.mode == .constant ? x.joined(ElementBounds(Double(pad.value), Double(pad.value))) : x
            return padded.with(mass: .infinity)
        case .globalPooling: return x.with(mass: .infinity)
        case .pooling(let pooling):
            guard pooling.kind != .maximum || pooling.window.pads.allSatisfy({ $0 == 0 }) else { return .unknown }
            return pooling.kind == .maximum ? x.with(mass: .infinity) : x.joined(ElementBounds(0, 0))
        case .reduceMean: return x.with(mass: x.mass / reductionLength(node))
        case .reduction(let reduction):
            guard reduction.function == .sum else { return x }
            let length = reductionLength(node)
            return (x.with(mass: .infinity) * ElementBounds(length, length)).with(mass: x.mass)
                .narrowed(.weightedSum(x, ElementBounds(1, 1)))
        case .matMul: return matrixProduct(node)
        case .gemm(let gemm):
            let product = ElementBounds(Double(gemm.alpha), Double(gemm.alpha)) * matrixProduct(node)
            guard node.inputs.count == 3 else { return product }
            let addend = ElementBounds(Double(gemm.beta), Double(gemm.beta)) * self[node.inputs[2]]
            return product.with(mass: .infinity) + addend
        case .quantizeLinear: return quantized(node, x)
        case .dequantizeLinear: return dequantized(node, x)
        case .convolution, .batchNormalization, .localResponseNormalization, .layerNormalization: return .unknown
        }
    }

    /// Over how many parts of its operand a softmax normalises.
    private func distributions(_ softmax: Softmax, _ operand: String) -> Int {
        let dimensions = graph.type(of: operand).shape.dimensions
        let axis = softmax.axis < 0 ? softmax.axis + dimensions.count : softmax.axis
        let before = dimensions[..<axis].reduce(1, *)
        return softmax.flattensTail ? before : before * dimensions[(axis + 1)...].reduce(1, *)
    }

    private func reductionLength(_ node: Node) -> Double {
        Double(count(node.inputs[0])) / Double(max(1, count(node.outputs[0])))
    }

    private func matrixProduct(_ node: Node) -> ElementBounds {
        let (a, b) = (self[node.inputs[0]], self[node.inputs[1]])
        return ElementBounds.weightedSum(a, b).narrowed(.weightedSum(b, a))
    }

    private func quantized(_ node: Node, _ x: ElementBounds) -> ElementBounds {
        guard let scale = number(node.inputs[1]), scale > 0, let zero = number(node.inputs[2]) else { return .unknown }
        // Saturation is left out: that a value is stored in 8 bits does not make it a probability.
        return x / ElementBounds(scale, scale) + ElementBounds(zero, zero)
    }

    private func dequantized(_ node: Node, _ x: ElementBounds) -> ElementBounds {
        guard let scale = number(node.inputs[1]), scale > 0, let zero = number(node.inputs[2]) else { return .unknown }
        return (x - ElementBounds(zero, zero)) * ElementBounds(scale, scale)
    }

    /// The only element of a constant.
    private func number(_ name: String) -> Double? {
        guard let constant = graph.constants[name], constant.shape.elementCount == 1 else { return nil }
        switch constant.element {
        case .float32: return constant.withElements(as: Float.self) { Double($0[0]) }
        case .uint8: return constant.withElements(as: UInt8.self) { Double($0[0]) }
        case .int8: return constant.withElements(as: Int8.self) { Double($0[0]) }
        case .int32: return constant.withElements(as: Int32.self) { Double($0[0]) }
        case .int64, .boolean: return nil
        }
    }

    private func result(of arithmetic: Arithmetic, _ node: Node) -> ElementBounds {
        let names = node.inputs
        func operand(_ index: Int) -> ElementBounds {
            let bounds = self[names[index]]
            let repeats = Double(count(node.outputs[0])) / Double(max(1, count(names[index])))
            return bounds.with(mass: bounds.mass * max(1, repeats))
        }
        let (a, b) = (operand(0), operand(1))
        switch arithmetic.function {
        case .add: return a + b
        case .subtract:
            let difference = a - b
            return isLogarithmOfShare(names) ? difference.narrowed(ElementBounds(-.infinity, 0)) : difference
        case .multiply:
            if names[0] == names[1] { return (a * a).narrowed(ElementBounds(0, .infinity)) }
            let isShare = isReciprocalShare(names[0], names[1]) || isReciprocalShare(names[1], names[0])
            return isShare ? .unit : a * b
        case .divide: return a.low >= 0 && covers(names[1], names[0]) ? .unit : a / b
        case .maximum: return ElementBounds(max(a.low, b.low), max(a.high, b.high))
        case .minimum: return ElementBounds(min(a.low, b.low), min(a.high, b.high))
        case .power:
            guard a.low >= 0 else { return .unknown }
            let corners = [pow(a.low, b.low), pow(a.low, b.high), pow(a.high, b.low), pow(a.high, b.high)]
            return ElementBounds(corners.min() ?? 0, corners.max() ?? .infinity)
        case .equal, .greater, .greaterOrEqual: return .unit
        case .keep: return a.joined(ElementBounds(0, 0))
        }
    }

    // MARK: - Shares of a sum

    private func maker(_ name: String) -> Node? { makers[name].map { graph.nodes[$0] } }

    /// Whether `x` is no less than 0, and `reciprocal` at most 1 divided by a sum with `x` in it.
    private func isReciprocalShare(_ x: String, _ reciprocal: String) -> Bool {
        guard let node = maker(reciprocal), case .arithmetic(let arithmetic) = node.operation,
            arithmetic.function == .divide, self[x].low >= 0
        else { return false }
        let numerator = self[node.inputs[0]]
        return numerator.low >= 0 && numerator.high <= 1 && covers(node.inputs[1], x)
    }

    /// Whether the operands are x and log(sum), of which the sum has exp(x) in it.
    private func isLogarithmOfShare(_ operands: [String]) -> Bool {
        guard let exponential = exponentials[operands[0]], let node = maker(operands[1]),
            case .activation(let activation) = node.operation, activation.function == .logarithm
        else { return false }
        return covers(node.inputs[0], exponential)
    }

    /// Whether each element of `sum` is no less than the element of `part` that broadcasting puts beside it. No element
    /// of `part` is below 0.
    private func covers(_ sum: String, _ part: String) -> Bool {
        covers(sum, part, shape: graph.type(of: sum).shape, depth: Self.maximumDepth)
    }

    /// - Parameter shape: That of the value which views make of `sum`.
    private func covers(_ sum: String, _ part: String, shape: Shape, depth: Int) -> Bool {
        let own = graph.type(of: sum).shape
        if sum == part { return shape == own }
        guard depth > 0, let node = maker(sum) else { return false }
        func inner(_ index: Int) -> Bool {
            let operand = node.inputs[index]
            return shape == graph.type(of: operand).shape && covers(operand, part, shape: shape, depth: depth - 1)
        }
        switch node.operation {
        case .identity, .reshape, .flatten, .squeeze, .unsqueeze:
            return covers(node.inputs[0], part, shape: shape, depth: depth - 1)
        case .activation(let activation):
            switch activation.function {
            case .absolute, .relu: return inner(0)
            case .clip: return activation.beta >= .greatestFiniteMagnitude && inner(0)
            default: return false
            }
        case .arithmetic(let arithmetic):
            switch arithmetic.function {
            case .add: return self[node.inputs[1]].low >= 0 && inner(0) || self[node.inputs[0]].low >= 0 && inner(1)
            case .maximum: return inner(0) || inner(1)
            default: return false
            }
        case .reduction(let reduction):
            let whole = graph.type(of: part).shape
            guard reduction.function == .sum, self[node.inputs[0]].low >= 0,
                graph.type(of: node.inputs[0]).shape == whole,
                covers(node.inputs[0], part, shape: whole, depth: depth - 1),
                let axes = try? reduction.extent.resolvedAxes(rank: whole.rank)
            else { return false }
            let kept = whole.dimensions.indices.map { axes.contains($0) ? 1 : whole[$0] }
            return shape.elementCount == 1 || shape.dimensions == kept
        default: return false
        }
    }
}

extension Operation {
    /// Whether the result has bounds whatever the operands are.
    fileprivate var hasBounds: Bool {
        switch self {
        case .softmax: true
        case .activation(let activation): !activation.bounds(for: .unknown).isUnknown
        case .arithmetic(let arithmetic):
            switch arithmetic.function {
            case .equal, .greater, .greaterOrEqual, .maximum, .minimum, .multiply, .subtract: true
            case .add, .divide, .power, .keep: false
            }
        default: false
        }
    }
}

extension Activation {
    /// Bounds of the result for an operand with bounds.
    func bounds(for x: ElementBounds) -> ElementBounds {
        let (alpha, beta) = (Double(alpha), Double(beta))
        switch function {
        case .relu: return x.mapped { max(0, $0) }
        case .leakyRelu: return alpha >= 0 ? x.mapped { $0 < 0 ? alpha * $0 : $0 } : .unknown
        case .clip: return x.mapped { min(max($0, alpha), beta) }
        case .sigmoid: return x.mapped { 1 / (1 + exp(-$0)) }
        case .hardSigmoid: return alpha > 0 ? x.mapped { min(max(alpha * $0 + beta, 0), 1) } : .unit
        case .tanh: return x.mapped(Glibc.tanh)
        case .elu: return alpha >= 0 ? x.mapped { $0 < 0 ? alpha * (exp($0) - 1) : $0 } : .unknown
        case .exponential: return x.mapped(Glibc.exp)
        case .logarithm: return x.mapped { log(max(0, $0)) }
        case .squareRoot: return x.mapped { max(0, $0).squareRoot() }
        case .absolute:
            return ElementBounds(max(0, x.low, -x.high), x.largestMagnitude, mass: x.mass)
        case .erf: return x.mapped(Glibc.erf)
        case .floor: return x.mapped { $0.rounded(.down) }
        case .ceil: return x.mapped { $0.rounded(.up) }
        case .round: return x.mapped { $0.rounded(.toNearestOrEven) }
        case .softplus: return x.mapped { max(0, $0) + log1p(exp(-abs($0))) }
        case .thresholdedRelu: return x.joined(ElementBounds(0, 0))
        case .hardSwish, .mish, .gelu, .geluTanh: return .unknown
        }
    }
}
