// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// Replaces layer normalisation over the last axis, written as arithmetic on means, by one node.
enum LayerNormalizationRecognition: Pass {
    static let name = "layer normalisation recognition"
    // Parameters have to be constants, and uses by dead nodes would count.
    static var after: [any Pass.Type] { [ConstantFolding.self, DeadCodeRemoval.self] }

    static func apply(to draft: inout Draft) {
        let graph = Neighbours(draft)
        for node in draft.nodes {
            guard let (x, epsilon) = normalized(node, graph, draft), let scaled = graph.onlyUser(of: node.output),
                let scale = graph.other(scaled, .multiply, than: node.output), isParameter(scale, of: x, draft)
            else { continue }
            var (last, inputs) = (scaled, [x, scale])
            if let shifted = graph.onlyUser(of: scaled.output),
                let shift = graph.other(shifted, .add, than: scaled.output), isParameter(shift, of: x, draft)
            {
                (last, inputs) = (shifted, inputs + [shift])
            }
            guard let position = draft.producers[last.output] else { continue }
            draft.nodes[position].kind = .operation(
                .layerNormalization(LayerNormalization(axis: -1, epsilon: epsilon)))
            draft.nodes[position].inputs = inputs
            draft.nodes[position].fused = [node.name]
            draft.note(Self.self, last.name)
        }
        DeadCodeRemoval.apply(to: &draft)
    }

    /// x and epsilon, if the node is (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon).
    private static func normalized(
        _ node: Draft.Node, _ graph: Neighbours, _ draft: Draft
    ) -> (x: String, epsilon: Float)? {
        guard node.inputs.count == 2, graph.other(node, .divide, than: node.inputs[0]) == node.inputs[1],
            let root = graph.producer(of: node.inputs[1]), case .elementwise(let function) = root.kind,
            function.function == .squareRoot, root.post.isEmpty, let sum = graph.producer(of: root.inputs[0]),
            let variance = sum.inputs.first(where: { graph.number($0) == nil }),
            let epsilon = graph.constant(sum, .add, with: variance),
            let square = mean(variance, graph, draft).flatMap(graph.producer), square.inputs.count == 2,
            square.inputs[0] == square.inputs[1], graph.other(square, .multiply, than: square.inputs[0]) != nil,
            let x = centred(square.inputs[0], graph, draft), centred(node.inputs[0], graph, draft) == x
        else { return nil }
        return (x, epsilon)
    }

    /// x, if the value is x - mean(x).
    private static func centred(_ name: String, _ graph: Neighbours, _ draft: Draft) -> String? {
        guard let difference = graph.producer(of: name), difference.inputs.count == 2,
            let average = graph.other(difference, .subtract, than: difference.inputs[0]),
            mean(average, graph, draft) == difference.inputs[0]
        else { return nil }
        return difference.inputs[0]
    }

    /// The operand of a mean along the last axis, which is kept as an extent of 1.
    private static func mean(_ name: String, _ graph: Neighbours, _ draft: Draft) -> String? {
        guard let node = graph.producer(of: name), case .operation(.reduceMean(let mean)) = node.kind,
            mean.keepsDimensions, mean.axes == [-1] || mean.axes == [draft.shape(node.inputs[0]).count - 1]
        else { return nil }
        return node.inputs[0]
    }

    private static func isParameter(_ name: String, of x: String, _ draft: Draft) -> Bool {
        draft.constants[name] != nil && draft.shape(name).count == 1 && draft.shape(name) == draft.shape(x).suffix(1)
    }
}
