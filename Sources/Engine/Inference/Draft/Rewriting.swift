// SPDX-License-Identifier: Apache-2.0
/// What a pass that removes or merges nodes knows of a draft, and the nodes that it removes at its end.
struct Rewriting {
    /// How often each value was used when the pass began; being an output of the graph counts once.
    let uses: [String: Int]
    /// The position of the node that makes each value. A pass that moves a value to another node says so here.
    var producers: [String: Int]
    /// Positions of nodes to be removed.
    var dead: Set<Int> = []

    init(_ draft: Draft) { (uses, producers) = (draft.uses, draft.producers) }

    /// The node that makes the value, if the value is used once.
    func producer(ofOnlyUse value: String) -> Int? { uses[value] == 1 ? producers[value] : nil }
}

extension Draft {
    /// Passes each node's position to `body`, in order, and then removes the nodes that are dead. `body` changes nodes in
    /// place.
    mutating func rewrite(_ body: (inout Draft, inout Rewriting, Int) -> Void) {
        var rewriting = Rewriting(self)
        for position in nodes.indices { body(&self, &rewriting, position) }
        remove(rewriting.dead)
    }
}
