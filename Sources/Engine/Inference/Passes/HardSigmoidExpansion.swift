// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN

/// Replaces HardSigmoid by a linear function and a clip, which oneDNN's primitives can apply.
enum HardSigmoidExpansion: Pass {
    static let name = "hard sigmoid expansion"
    // Constant folding cannot compute linear functions.
    static var after: [any Pass.Type] { [ConstantFolding.self] }

    static func apply(to draft: inout Draft) {
        for position in draft.nodes.indices {
            guard case .operation(.activation(let activation)) = draft.nodes[position].kind,
                activation.function == .hardSigmoid
            else { continue }
            draft.nodes[position].kind = .elementwise(
                Elementwise(.linear, alpha: activation.alpha, beta: activation.beta))
            draft.nodes[position].post.insert(.elementwise(Elementwise(.clip, alpha: 0, beta: 1)), at: 0)
            draft.note(Self.self, draft.nodes[position].name)
        }
    }
}
