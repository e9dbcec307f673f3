import ModelGraph

/// Fuses an element-wise function into the node that produces its operand, if the function is that value's only use.
enum ActivationFusion: Pass {
    static let name = "activation fusion"

    static func apply(to draft: inout Draft) {
        let uses = draft.uses
        var producers = draft.producers
        var dead: Set<Int> = []
        for position in draft.nodes.indices {
            let node = draft.nodes[position]
            guard case .elementwise(let function) = node.kind, node.inputs.count == 1, uses[node.inputs[0]] == 1,
                let producer = producers[node.inputs[0]], draft.nodes[producer].kind.appliesFunctions
            else { continue }
            draft.nodes[producer].post += [.elementwise(function)] + node.post
            draft.nodes[producer].fused += node.fused + [node.name]
            draft.nodes[producer].output = node.output
            producers[node.output] = producer
            dead.insert(position)
            draft.note(Self.self, node.name)
        }
        draft.remove(dead)
    }
}

extension Draft.Kind {
    /// Whether the primitive can apply functions to its result before writing it.
    var appliesFunctions: Bool {
        switch self {
        case .scaleShift, .innerProduct, .matMul: true
        case .operation(.convolution), .operation(.arithmetic): true
        default: false
        }
    }
}
