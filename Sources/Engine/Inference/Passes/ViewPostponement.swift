// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// Moves the view of a matrix product's rows behind the additions and element-wise functions that follow it, so that
/// the product can apply them. A linear layer on `[n, tokens, width]` is an inner product on `[n * tokens, width]`, a
/// view of its result, and an Add of the bias.
enum ViewPostponement: Pass {
    static let name = "view postponement"
    // The first produces inner products with views. The others recognise patterns, which this pass would change.
    static var after: [any Pass.Type] { [MatrixProductSelection.self, GELURecognition.self, SwishRecognition.self] }

    static func apply(to draft: inout Draft) {
        let uses = draft.uses
        // Outputs of inner products, and of nodes that were moved to rows of such outputs.
        var products: Set<String> = []
        // Views of these values with one use: the rows and the index in `nodes`, by output.
        var views: [String: (rows: String, place: Int)] = [:]
        var nodes: [Draft.Node] = []
        var dead: Set<Int> = []
        for node in draft.nodes {
            if case .innerProduct = node.kind { products.insert(node.output) }
            if case .view = node.kind, products.contains(node.inputs[0]), uses[node.output] == 1 {
                views[node.output] = (node.inputs[0], nodes.count)
            }
            guard let (view, moved) = moved(node, views, &draft) else {
                nodes.append(node)
                continue
            }
            dead.insert(view.place)
            nodes += moved
            products.insert(moved[moved.count - 2].output)
            if uses[node.output] == 1 {
                views[node.output] = (moved[moved.count - 2].output, nodes.count - 1)
            }
            draft.note(Self.self, node.name)
        }
        draft.nodes = nodes
        draft.remove(dead)
    }

    /// The view that can be moved behind this node, and the result of ``onRows(_:_:_:_:)``.
    private static func moved(
        _ node: Draft.Node, _ views: [String: (rows: String, place: Int)], _ draft: inout Draft
    ) -> (view: (rows: String, place: Int), nodes: [Draft.Node])? {
        for (operand, input) in node.inputs.enumerated() {
            if let view = views[input], let nodes = onRows(node, operand, view.rows, &draft) { return (view, nodes) }
        }
        return nil
    }

    /// The node applied to rows, preceded by the nodes it needs and followed by the view of its result; `nil` for other
    /// kinds of nodes.
    private static func onRows(
        _ node: Draft.Node, _ operand: Int, _ rows: String, _ draft: inout Draft
    ) -> [Draft.Node]? {
        // The operand may not be broadcast to the result.
        guard draft.type(node.output) == draft.type(node.inputs[operand]) else { return nil }
        let type = draft.type(rows)
        var nodes: [Draft.Node] = []
        var inputs = [rows]
        switch node.kind {
        case .elementwise: break
        case .operation(.arithmetic(let arithmetic)) where arithmetic.function == .add && node.inputs.count == 2:
            guard let other = operandOnRows(node.inputs[1 - operand], of: node, type, &draft, &nodes) else {
                return nil
            }
            inputs.append(other)
        default: return nil
        }
        var moved = node
        moved.inputs = inputs
        moved.output = draft.freshName("\(node.output)/rows")
        draft.types[moved.output] = type
        nodes.append(moved)
        nodes.append(Draft.Node(name: node.name, kind: .view, inputs: [moved.output], output: node.output))
        return nodes
    }

    /// The name of the other operand of an addition in the form that rows need: a vector if it is a constant that is
    /// the same for each row, else a tensor of the rows' shape. `nil` if it is broadcast in another way.
    private static func operandOnRows(
        _ name: String, of node: Draft.Node, _ type: TensorType, _ draft: inout Draft, _ nodes: inout [Draft.Node]
    ) -> String? {
        let other = draft.type(name)
        if let constant = draft.constants[name], constant.element == .float32,
            other.shape.elementCount == type.shape[1], other.shape.dimensions.last == type.shape[1],
            let vector = try? constant.reshaped([type.shape[1]])
        {
            return draft.addConstant(vector, "\(name)/vector")
        }
        guard other == draft.type(node.output) else { return nil }
        if let constant = draft.constants[name], let matrix = try? constant.reshaped(type.shape.dimensions) {
            return draft.addConstant(matrix, "\(name)/rows")
        }
        let rows = draft.freshName("\(name)/rows")
        draft.types[rows] = type
        nodes.append(Draft.Node(name: node.name, kind: .view, inputs: [name], output: rows))
        return rows
    }
}
