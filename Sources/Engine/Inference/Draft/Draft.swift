// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
package import OneDNN
package import Tensors

/// A graph while passes rewrite it. Every node computes one value. ``DraftVerifier`` checks the other invariants.
package struct Draft {
    package struct Node {
        package var name: String
        package var kind: Kind
        /// Operands of the operation, then those of ``post`` in order.
        package var inputs: [String]
        package var output: String
        package var post: [Post] = []
        /// Names of the nodes that were fused into this one.
        var fused: [String] = []

        /// The operands of the operation itself.
        var operands: ArraySlice<String> { inputs.dropLast(post.count { $0.takesOperand }) }
    }

    package enum Kind {
        case operation(Operation)
        /// A function of each element.
        case elementwise(Elementwise)
        /// Each element of the first operand, rounded to the nearest of these levels. The second operand is their step.
        case levels(Levels)
        /// x `[n, c, …]` times scale `[c]` plus shift `[c]`.
        case scaleShift
        /// The operand's elements with the output's shape.
        case view
        /// The inner product of x `[m, …]` and weights `[n, …]` or, if transposed, `[…, n]` (two axes), plus an
        /// optional constant bias `[n]`. The weights are constant, or in ``Draft/keptIntegers``.
        case innerProduct(transposesWeights: Bool)
        /// The product of the matrices on the last two axes of the operands, transposed if the flags say so.
        case matMul(transposesFirst: Bool, transposesSecond: Bool)
    }

    /// The multiples of a step, from the lowest to the highest factor: the possible values after QuantizeLinear and
    /// DequantizeLinear with one scale and zero point.
    package struct Levels: Equatable {
        /// A positive number.
        let step: Float
        /// The constant of one element that holds the step.
        let stepName: String
        /// Integers; the first is at most the second.
        var lowest: Float
        var highest: Float

        /// The 8-bit type that holds the factors; `nil` if they are outside both.
        var element: LayoutElement? {
            if lowest >= 0 { return highest <= 255 ? .unsigned8 : nil }
            return lowest >= -128 && highest <= 127 ? .signed8 : nil
        }
    }

    /// An operation on a node's result before it is written.
    package enum Post {
        case elementwise(Elementwise)
        /// Adds the next operand, which has the result's shape.
        case add
        /// Rounds to levels. Only convolutions for which ``Draft/multipliesIntegers(_:_:)`` is true have this.
        case levels(Levels)

        var takesOperand: Bool { if case .add = self { true } else { false } }
        var levels: Levels? { if case .levels(let levels) = self { levels } else { nil } }
    }

    package var inputs: [Value]
    package var outputs: [String]
    package var nodes: [Node] = []
    package var constants: [String: Tensor]
    package var types: [String: TensorType]
    /// The integers of constants that DequantizeLinear computed, by name, for convolutions that can multiply integers.
    var integers: [String: IntegerWeights] = [:]
    let options: PlanOptions
    /// The names of passes and of the nodes that they changed, for tests and `inspect --plan`.
    var log: [(pass: String, node: String)] = []

    package init(_ graph: Graph, options: PlanOptions) {
        inputs = graph.inputs
        outputs = graph.outputs
        constants = graph.constants
        types = graph.types
        self.options = options
        nodes = graph.nodes.map { node in
            Node(name: node.name, kind: Kind(node.operation), inputs: node.inputs, output: node.outputs[0])
        }
    }

    func type(_ value: String) -> TensorType {
        guard let type = types[value] else { preconditionFailure("value '\(value)' has no type") }
        return type
    }

    func shape(_ value: String) -> [Int] { type(value).shape.dimensions }

    /// How often each value is used; being an output of the graph counts once.
    var uses: [String: Int] {
        var uses: [String: Int] = [:]
        for node in nodes { for input in node.inputs { uses[input, default: 0] += 1 } }
        for output in outputs { uses[output, default: 0] += 1 }
        return uses
    }

    /// The position of the node that computes each value.
    var producers: [String: Int] {
        Dictionary(nodes.enumerated().map { ($1.output, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// A value name that the graph does not use.
    func freshName(_ base: String) -> String {
        var name = base
        var number = 1
        while types[name] != nil {
            number += 1
            name = "\(base)#\(number)"
        }
        return name
    }

    /// Adds a constant and returns its name.
    mutating func addConstant(_ tensor: Tensor, _ base: String) -> String {
        let name = freshName(base)
        constants[name] = tensor
        types[name] = tensor.type
        return name
    }

    /// Replaces every use of a value that is a key by its replacement, which has the same type.
    mutating func replace(_ replacements: [String: String]) {
        guard !replacements.isEmpty else { return }
        func final(_ name: String) -> String {
            var name = name
            while let next = replacements[name] { name = next }
            return name
        }
        for index in nodes.indices { nodes[index].inputs = nodes[index].inputs.map(final) }
        outputs = outputs.map(final)
    }

    /// Removes the nodes at these positions.
    mutating func remove(_ positions: Set<Int>) {
        guard !positions.isEmpty else { return }
        nodes = nodes.enumerated().filter { !positions.contains($0.offset) }.map(\.element)
    }
}

extension Draft.Kind {
    init(_ operation: Operation) {
        switch operation {
        case .identity, .reshape, .flatten, .squeeze, .unsqueeze: self = .view
        case .activation(let activation):
            switch activation.function {
            case .relu: self = .elementwise(Elementwise(.relu))
            case .leakyRelu: self = .elementwise(Elementwise(.relu, alpha: activation.alpha))
            // ONNX: the upper bound applies where the lower bound exceeds it.
            case .clip:
                self = .elementwise(
                    Elementwise(.clip, alpha: min(activation.alpha, activation.beta), beta: activation.beta))
            case .sigmoid: self = .elementwise(Elementwise(.logistic))
            case .hardSwish: self = .elementwise(Elementwise(.hardSwish))
            case .tanh: self = .elementwise(Elementwise(.tanh))
            case .elu: self = .elementwise(Elementwise(.elu, alpha: activation.alpha))
            case .exponential: self = .elementwise(Elementwise(.exponential))
            case .logarithm: self = .elementwise(Elementwise(.logarithm))
            case .squareRoot: self = .elementwise(Elementwise(.squareRoot))
            case .absolute: self = .elementwise(Elementwise(.absolute))
            case .softplus: self = .elementwise(Elementwise(.softplus, alpha: 1))
            case .mish: self = .elementwise(Elementwise(.mish))
            case .gelu: self = .elementwise(Elementwise(.gelu))
            case .geluTanh: self = .elementwise(Elementwise(.geluTanh))
            case .hardSigmoid, .erf, .floor, .ceil, .round, .thresholdedRelu: self = .operation(operation)
            }
        default: self = .operation(operation)
        }
    }
}
