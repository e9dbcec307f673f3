// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// Replaces x * (1 + erf(x / sqrt(2))) / 2, in the forms that exporters write, by one function.
enum GELURecognition: Pass {
    static let name = "gelu recognition"
    // Factors have to be constants, and uses by dead nodes would count.
    static var after: [any Pass.Type] { [ConstantFolding.self, DeadCodeRemoval.self] }

    static func apply(to draft: inout Draft) {
        let graph = Neighbours(draft)
        for node in draft.nodes {
            guard case .operation(.activation(let activation)) = node.kind, activation.function == .erf,
                let x = root(of: node.inputs[0], graph), let sum = graph.onlyUser(of: node.output),
                graph.constant(sum, .add, with: node.output) == 1, let product = graph.onlyUser(of: sum.output),
                let other = graph.other(product, .multiply, than: sum.output),
                let last = last(product, other, x, graph), let position = draft.producers[last.output]
            else { continue }
            draft.nodes[position].kind = .elementwise(Elementwise(.gelu))
            draft.nodes[position].inputs = [x]
            draft.nodes[position].fused = [node.name]
            draft.note(Self.self, last.name)
        }
        DeadCodeRemoval.apply(to: &draft)
    }

    /// x, if the value is x / sqrt(2) or x * sqrt(1/2).
    private static func root(of name: String, _ graph: Neighbours) -> String? {
        guard let scaled = graph.producer(of: name), let x = scaled.inputs.first(where: { graph.number($0) == nil })
        else { return nil }
        if let divisor = graph.constant(scaled, .divide, with: x), scaled.inputs[0] == x {
            return abs(divisor - Float(2).squareRoot()) < 1e-5 ? x : nil
        }
        guard let factor = graph.constant(scaled, .multiply, with: x) else { return nil }
        return abs(factor - Float(0.5).squareRoot()) < 1e-5 ? x : nil
    }

    /// The last node of the pattern, where `product` multiplies 1 + erf(…) by `other`, which may be x, 0.5 or x * 0.5.
    private static func last(
        _ product: Draft.Node, _ other: String, _ x: String, _ graph: Neighbours
    ) -> Draft.Node? {
        if other == x {
            guard let half = graph.onlyUser(of: product.output) else { return nil }
            if graph.constant(half, .multiply, with: product.output) == 0.5 { return half }
            return half.inputs[0] == product.output && graph.constant(half, .divide, with: product.output) == 2
                ? half : nil
        }
        if graph.number(other) == 0.5 {
            guard let last = graph.onlyUser(of: product.output) else { return nil }
            return graph.other(last, .multiply, than: product.output) == x ? last : nil
        }
        guard let half = graph.producer(of: other), graph.constant(half, .multiply, with: x) == 0.5 else { return nil }
        return product
    }
}

/// The producer and the users of each value of a draft, for recognising patterns.
struct Neighbours {
    private let draft: Draft
    private let producers: [String: Int]
    private var users: [String: [Int]] = [:]

    init(_ draft: Draft) {
        self.draft = draft
        producers = draft.producers
        for (position, node) in draft.nodes.enumerated() {
            for input in Set(node.inputs) { users[input, default: []].append(position) }
        }
    }

    func producer(of name: String) -> Draft.Node? { producers[name].map { draft.nodes[$0] } }

    /// The only node that uses the value; `nil` if there are more, or if the value is an output of the graph.
    func onlyUser(of name: String) -> Draft.Node? {
        guard let users = users[name], users.count == 1, !draft.outputs.contains(name) else { return nil }
        return draft.nodes[users[0]]
    }

    /// The value of a constant of one element.
    func number(_ name: String) -> Float? {
        guard let tensor = draft.constants[name], tensor.element == .float32, tensor.shape.elementCount == 1 else {
            return nil
        }
        return tensor.withElements(as: Float.self) { $0[0] }
    }

    /// The operand beside `name` of an arithmetic node with this function; `nil` for other nodes, and for one with
    /// post-operations.
    func other(_ node: Draft.Node, _ function: Arithmetic.Function, than name: String) -> String? {
        guard case .operation(.arithmetic(let arithmetic)) = node.kind, arithmetic.function == function,
            node.post.isEmpty, let position = node.inputs.firstIndex(of: name)
        else { return nil }
        return node.inputs[1 - position]
    }

    /// The same operand, if it is a constant of one element.
    func constant(_ node: Draft.Node, _ function: Arithmetic.Function, with name: String) -> Float? {
        other(node, function, than: name).flatMap(number)
    }
}
