// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// Replaces Gemm and MatMul by an inner product if the second operand is a matrix that is constant, or that is
/// converted from constant integers. An inner product can choose the layout of constant weights. Other operands give a
/// plain matrix product, with separate scaling and addition.
enum MatrixProductSelection: Pass {
    static let name = "matrix product selection"
    // It computes weights that are constant.
    static var after: [any Pass.Type] { [ConstantFolding.self] }

    static func apply(to draft: inout Draft) throws(InferenceError) {
        let integers = Set(draft.nodes.filter { draft.integerWeights($0) != nil }.map(\.output))
        var nodes: [Draft.Node] = []
        for node in draft.nodes {
            switch node.kind {
            case .operation(.gemm(let gemm)): nodes += try select(gemm, node, integers, &draft)
            case .operation(.matMul): nodes += select(node, integers, &draft)
            default: nodes.append(node)
            }
        }
        draft.nodes = nodes
    }

    private static func select(
        _ gemm: Gemm, _ node: Draft.Node, _ integers: Set<String>, _ draft: inout Draft
    ) throws(InferenceError) -> [Draft.Node] {
        draft.note(Self.self, node.name)
        let columns = draft.shape(node.output)[1]
        let weights = draft.constants[node.inputs[1]]
        if !gemm.transposeA, weights != nil || gemm.alpha == 1 && integers.contains(node.inputs[1]) {
            var inputs = [node.inputs[0], node.inputs[1]]
            var isComplete = true
            if gemm.alpha != 1, let weights {
                inputs[1] = draft.addConstant(
                    Constants.scaled(weights, by: gemm.alpha, draft.options), "\(node.inputs[1])*")
            }
            if node.inputs.count == 3 {
                if let bias = draft.constants[node.inputs[2]], [1, columns].contains(bias.shape.elementCount),
                    bias.shape.dimensions.last.map({ $0 == bias.shape.elementCount }) ?? true
                {
                    inputs.append(
                        draft.addConstant(
                            try Constants.repeated(bias, to: columns, scale: gemm.beta, draft.options),
                            "\(node.inputs[2])*"
                        ))
                } else {
                    isComplete = false
                }
            }
            let product = Draft.Node(
                name: node.name, kind: .innerProduct(transposesWeights: !gemm.transposeB), inputs: inputs,
                output: node.output)
            if isComplete { return [product] }
            return addition(of: node.inputs[2], scale: gemm.beta, to: product, &draft)
        }
        var product = Draft.Node(
            name: node.name,
            kind: .matMul(transposesFirst: gemm.transposeA, transposesSecond: gemm.transposeB),
            inputs: [node.inputs[0], node.inputs[1]], output: node.output)
        if gemm.alpha != 1 { product.post = [.elementwise(Elementwise(.linear, alpha: gemm.alpha))] }
        guard node.inputs.count == 3 else { return [product] }
        return addition(of: node.inputs[2], scale: gemm.beta, to: product, &draft)
    }

    /// `product` and the nodes that add `scale` times `addend` to it.
    private static func addition(
        of addend: String, scale: Float, to product: Draft.Node, _ draft: inout Draft
    ) -> [Draft.Node] {
        var (product, addend) = (product, addend)
        let output = product.output
        product.output = draft.freshName("\(output)/product")
        draft.types[product.output] = draft.type(output)
        var nodes = [product]
        if scale != 1 {
            let scaled = draft.freshName("\(output)/addend")
            draft.types[scaled] = draft.type(addend)
            nodes.append(
                Draft.Node(
                    name: product.name, kind: .elementwise(Elementwise(.linear, alpha: scale)), inputs: [addend],
                    output: scaled))
            addend = scaled
        }
        nodes.append(
            Draft.Node(
                name: product.name, kind: .operation(.arithmetic(Arithmetic(.add))), inputs: [product.output, addend],
                output: output))
        return nodes
    }

    private static func select(
        _ node: Draft.Node, _ integers: Set<String>, _ draft: inout Draft
    ) -> [Draft.Node] {
        draft.note(Self.self, node.name)
        var (a, b) = (draft.shape(node.inputs[0]), draft.shape(node.inputs[1]))
        var nodes: [Draft.Node] = []
        func view(_ value: String, _ dimensions: [Int], _ label: String) -> String {
            guard draft.shape(value) != dimensions, let shape = try? Shape(dimensions) else { return value }
            let name = draft.freshName("\(node.output)/\(label)")
            draft.types[name] = TensorType(.float32, shape)
            nodes.append(Draft.Node(name: node.name, kind: .view, inputs: [value], output: name))
            return name
        }
        func result(_ dimensions: [Int]) -> String {
            guard draft.shape(node.output) != dimensions, let shape = try? Shape(dimensions) else {
                return node.output
            }
            let name = draft.freshName("\(node.output)/product")
            draft.types[name] = TensorType(.float32, shape)
            return name
        }
        let product: Draft.Node
        let isConstant = draft.constants[node.inputs[1]] != nil || integers.contains(node.inputs[1])
        if isConstant, b.count == 2, !a.isEmpty, b[0] > 0 {
            let rows = a.dropLast().reduce(1, *)
            let first = view(node.inputs[0], [rows, b[0]], "rows")
            product = Draft.Node(
                name: node.name, kind: .innerProduct(transposesWeights: true), inputs: [first, node.inputs[1]],
                output: result([rows, b[1]]))
        } else {
            if a.count == 1 { a = [1] + a }
            if b.count == 1 { b += [1] }
            let rank = max(a.count, b.count)
            a = [Int](repeating: 1, count: rank - a.count) + a
            b = [Int](repeating: 1, count: rank - b.count) + b
            let (first, second) = (view(node.inputs[0], a, "first"), view(node.inputs[1], b, "second"))
            let batch = zip(a, b).dropLast(2).map { $0 == 1 ? $1 : $0 }
            product = Draft.Node(
                name: node.name, kind: .matMul(transposesFirst: false, transposesSecond: false),
                inputs: [first, second], output: result(batch + [a[rank - 2], b[rank - 1]]))
        }
        nodes.append(product)
        if product.output != node.output {
            nodes.append(Draft.Node(name: node.name, kind: .view, inputs: [product.output], output: node.output))
        }
        return nodes
    }
}
