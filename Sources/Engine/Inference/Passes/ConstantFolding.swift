// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// Computes nodes whose operands are all constant, with the code that would compute them in a run. It leaves the
/// weights of ``Draft/keptIntegers`` as integers.
enum ConstantFolding: Pass {
    static let name = "constant folding"
    // It resolves views of constants without a plan for each.
    static var after: [any Pass.Type] { [ViewRemoval.self] }

    /// Limit of the bytes by which a result may exceed its operands, so that a small file cannot claim much memory. A
    /// DequantizeLinear that is the only use of its integers has no limit, because its result is at most four times as
    /// large.
    private static let maximumGrowth = 16 << 20

    static func apply(to draft: inout Draft) throws(InferenceError) {
        var folded: Set<Int> = []
        let (kept, uses) = (draft.keptIntegers, draft.uses)
        for (position, node) in draft.nodes.enumerated() {
            guard !kept.contains(node.output), let operands = constants(node.inputs, in: draft),
                let operation = operation(of: node, in: draft)
            else { continue }
            let operandBytes = operands.reduce(0) { $0 + $1.byteCount }
            let isDequantization = if case .dequantizeLinear = operation { uses[node.inputs[0]] == 1 } else { false }
            let growth = draft.type(node.output).byteCount - operandBytes
            guard isDequantization || growth <= maximumGrowth else { continue }
            if let weights = draft.integerFilters(node) { draft.integers[node.output] = weights }
            draft.constants[node.output] = try compute(operation, node.name, operands, draft.options)
            folded.insert(position)
            draft.note(Self.self, node.name)
        }
        draft.remove(folded)
    }

    /// Runs a plan of one node. The first operand is an input of the plan, so that its compilation folds nothing.
    private static func compute(
        _ operation: Operation, _ name: String, _ operands: [Tensor], _ options: PlanOptions
    ) throws(InferenceError) -> Tensor {
        let names = operands.indices.map { "operand\($0)" }
        let graph: Graph
        do throws(GraphError) {
            graph = try Graph(
                name: name, inputs: [Value(name: names[0], type: operands[0].type)], outputs: ["result"],
                nodes: [ModelGraph.Node(name: name, operation: operation, inputs: names, outputs: ["result"])],
                constants: Dictionary(uniqueKeysWithValues: zip(names, operands).dropFirst()))
        } catch { throw InferenceError(.unsupported, error.message) }
        var options = options
        options.precision = .float32
        // The result becomes a weight of the whole plan.
        options.allocator = options.allocatorOfWeights
        return try Plan(compiling: graph, options: options).run([operands[0]])[0]
    }

    private static func constants(_ names: [String], in draft: Draft) -> [Tensor]? {
        var tensors: [Tensor] = []
        for name in names {
            guard let tensor = draft.constants[name] else { return nil }
            tensors.append(tensor)
        }
        return tensors
    }

    private static func operation(of node: Draft.Node, in draft: Draft) -> Operation? {
        switch node.kind {
        case .operation(let operation): operation
        case .view: .reshape(Reshape(draft.shape(node.output)))
        case .elementwise(let function):
            switch function.function {
            case .relu: .activation(Activation(.leakyRelu, alpha: function.alpha))
            case .clip: .activation(Activation(.clip, alpha: function.alpha, beta: function.beta))
            case .logistic: .activation(Activation(.sigmoid))
            case .hardSwish: .activation(Activation(.hardSwish))
            case .tanh: .activation(Activation(.tanh))
            case .elu: .activation(Activation(.elu, alpha: function.alpha))
            case .squareRoot: .activation(Activation(.squareRoot))
            case .exponential: .activation(Activation(.exponential))
            case .logarithm: .activation(Activation(.logarithm))
            case .absolute: .activation(Activation(.absolute))
            case .softplus: .activation(Activation(.softplus))
            case .mish: .activation(Activation(.mish))
            case .gelu: .activation(Activation(.gelu))
            case .geluTanh: .activation(Activation(.geluTanh))
            case .linear, .swish, .round: nil
            }
        case .levels, .scaleShift, .innerProduct, .matMul: nil
        }
    }
}
