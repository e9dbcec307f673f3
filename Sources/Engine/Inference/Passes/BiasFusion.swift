// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// Fuses an Add of a constant `[columns]` into the inner product that computes its other operand, as the product's
/// bias. The product must have no bias yet and no other use.
enum BiasFusion: Pass {
    static let name = "bias fusion"
    // It moves the view between product and addition behind the addition.
    static var after: [any Pass.Type] { [ViewPostponement.self] }

    static func apply(to draft: inout Draft) {
        draft.rewrite { draft, rewriting, position in
            let node = draft.nodes[position]
            guard case .operation(.arithmetic(let arithmetic)) = node.kind, arithmetic.function == .add,
                node.inputs.count == 2
            else { return }
            for (operand, other) in [(0, 1), (1, 0)] {
                guard let producer = rewriting.producer(ofOnlyUse: node.inputs[operand]),
                    case .innerProduct = draft.nodes[producer].kind, draft.nodes[producer].inputs.count == 2,
                    draft.nodes[producer].post.isEmpty, let bias = draft.constants[node.inputs[other]],
                    bias.element == .float32, bias.shape.dimensions == [draft.shape(node.output)[1]],
                    draft.type(node.inputs[operand]) == draft.type(node.output)
                else { continue }
                draft.nodes[producer].inputs.append(node.inputs[other])
                draft.nodes[producer].output = node.output
                draft.nodes[producer].fused.append(node.name)
                draft.nodes[producer].post += node.post
                rewriting.dead.insert(position)
                draft.note(Self.self, node.name)
                break
            }
        }
    }
}
