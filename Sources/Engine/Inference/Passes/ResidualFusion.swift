// SPDX-License-Identifier: Apache-2.0
import ModelGraph

/// Fuses an Add, and the activation that follows it, into the convolution or inner product that produces one of its
/// operands. The Add must be the only use of that operand.
enum ResidualFusion: Pass {
    static let name = "residual fusion"
    // That pass fuses the activation into the Add.
    static var after: [any Pass.Type] { [ActivationFusion.self] }

    static func apply(to draft: inout Draft) {
        draft.rewrite { draft, rewriting, position in
            let node = draft.nodes[position]
            guard case .operation(.arithmetic(let arithmetic)) = node.kind, arithmetic.function == .add,
                node.inputs.count == 2, node.inputs[0] != node.inputs[1]
            else { return }
            let shape = draft.shape(node.output)
            guard node.inputs.allSatisfy({ draft.shape($0) == shape && draft.constants[$0] == nil }) else { return }
            // Of two producers the later one, which moves less far.
            let candidates = node.inputs.indices.compactMap { operand -> (operand: Int, producer: Int)? in
                guard let producer = rewriting.producer(ofOnlyUse: node.inputs[operand]),
                    draft.nodes[producer].kind.addsOperand,
                    !draft.nodes[producer].post.contains(where: \.takesOperand)
                else { return nil }
                return (operand, producer)
            }
            guard let chosen = candidates.max(by: { $0.producer < $1.producer }) else { return }
            var fused = draft.nodes[chosen.producer]
            fused.inputs.append(node.inputs[1 - chosen.operand])
            fused.post += [.add] + node.post
            fused.fused += [node.name] + node.fused
            fused.output = node.output
            rewriting.dead.insert(chosen.producer)
            // The producer moves to the position of the Add, where the other operand is computed.
            draft.nodes[position] = fused
            rewriting.producers[node.output] = position
            draft.note(Self.self, node.name)
        }
    }
}

extension Draft.Kind {
    /// Whether the primitive can add another tensor to its result before writing it.
    fileprivate var addsOperand: Bool {
        switch self {
        case .operation(.convolution), .innerProduct: true
        default: false
        }
    }
}
