// SPDX-License-Identifier: Apache-2.0
/// Removes nodes whose value is not used.
enum DeadCodeRemoval: Pass {
    static let name = "dead code removal"
    // A folded node no longer uses its operands.
    static var after: [any Pass.Type] { [ConstantFolding.self] }

    static func apply(to draft: inout Draft) {
        var needed = Set(draft.outputs)
        var dead: Set<Int> = []
        for (position, node) in draft.nodes.enumerated().reversed() {
            if needed.contains(node.output) {
                needed.formUnion(node.inputs)
                needed.formUnion(node.post.compactMap { $0.levels?.stepName })
            } else {
                dead.insert(position)
                draft.note(Self.self, node.name)
            }
        }
        draft.remove(dead)
        draft.constants = draft.constants.filter { needed.contains($0.key) }
    }
}
