// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Removes views that change nothing, replaces a view of a view by one view, and applies views to constants at compile
/// time.
enum ViewRemoval: Pass {
    static let name = "view removal"
    static var after: [any Pass.Type] { [] }

    static func apply(to draft: inout Draft) {
        var replacements: [String: String] = [:]
        // The operand of each view.
        var seen: [String: String] = [:]
        var dead: Set<Int> = []
        for position in draft.nodes.indices {
            draft.nodes[position].inputs = draft.nodes[position].inputs.map { replacements[$0] ?? $0 }
            let node = draft.nodes[position]
            guard case .view = node.kind else { continue }
            let base = seen[node.inputs[0]] ?? node.inputs[0]
            if let constant = draft.constants[base], let view = try? constant.reshaped(draft.shape(node.output)) {
                // The constant takes the view's name, because the view may be an output of the graph.
                draft.constants[node.output] = view
                dead.insert(position)
                draft.note(Self.self, node.name)
            } else if draft.type(base) == draft.type(node.output) {
                replacements[node.output] = base
                dead.insert(position)
                draft.note(Self.self, node.name)
            } else {
                if base != node.inputs[0] { draft.note(Self.self, node.name) }
                draft.nodes[position].inputs[0] = base
                seen[node.output] = base
            }
        }
        draft.outputs = draft.outputs.map { replacements[$0] ?? $0 }
        draft.remove(dead)
    }
}
