// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN

/// Replaces x * sigmoid(x) by one function.
enum SwishRecognition: Pass {
    static let name = "swish recognition"
    // Constant folding cannot compute the function, and uses by dead nodes would count.
    static var after: [any Pass.Type] { [ConstantFolding.self, DeadCodeRemoval.self] }

    static func apply(to draft: inout Draft) {
        draft.rewrite { draft, rewriting, position in
            let node = draft.nodes[position]
            guard case .operation(.arithmetic(let arithmetic)) = node.kind, arithmetic.function == .multiply else {
                return
            }
            for (x, gate) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
                guard let producer = rewriting.producer(ofOnlyUse: gate),
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
