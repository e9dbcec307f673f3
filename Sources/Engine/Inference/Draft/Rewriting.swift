// SPDX-License-Identifier: Apache-2.0
/// The state of a pass that removes or merges nodes: uses and producers of values, and the nodes to remove at its end.
struct Rewriting {
    /// How often each value was used when the pass began; being an output of the graph counts once.
    let uses: [String: Int]
    /// The position of the node that computes each value. A pass that moves a value to another node updates it.
    var producers: [String: Int]
    /// Positions of nodes to remove.
    var dead: Set<Int> = []

    init(_ draft: Draft) { (uses, producers) = (draft.uses, draft.producers) }

    /// The position of the node that computes the value, if the value is used once.
    func producer(ofOnlyUse value: String) -> Int? { uses[value] == 1 ? producers[value] : nil }
}

extension Draft {
    /// Passes each node's position to `body`, in order, and then removes the dead nodes. `body` changes nodes in place.
    mutating func rewrite(_ body: (inout Draft, inout Rewriting, Int) -> Void) {
        var rewriting = Rewriting(self)
        for position in nodes.indices { body(&self, &rewriting, position) }
        remove(rewriting.dead)
    }
}
