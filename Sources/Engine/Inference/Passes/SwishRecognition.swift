import ModelGraph
import OneDNN

/// Replaces x * sigmoid(x) by one function.
enum SwishRecognition: Pass {
    static let name = "swish recognition"

    static func apply(to draft: inout Draft) {
        let (uses, producers) = (draft.uses, draft.producers)
        for position in draft.nodes.indices {
            let node = draft.nodes[position]
            guard case .operation(.arithmetic(let arithmetic)) = node.kind, arithmetic.function == .multiply else {
                continue
            }
            for (x, gate) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
                guard let producer = producers[gate], uses[gate] == 1,
                    case .elementwise(let function) = draft.nodes[producer].kind, function.function == .logistic,
                    draft.nodes[producer].post.isEmpty, draft.nodes[producer].inputs == [x]
                else { continue }
                draft.nodes[position].kind = .elementwise(Elementwise(.swish, alpha: 1))
                draft.nodes[position].inputs = [x]
                draft.nodes[position].fused = [draft.nodes[producer].name]
                draft.note(Self.self, node.name)
                break
            }
        }
        DeadCodeRemoval.apply(to: &draft)
    }
}
