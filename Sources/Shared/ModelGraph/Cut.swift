// SPDX-License-Identifier: Apache-2.0
/// A position between two nodes in topological order: the nodes before it are inside, the rest outside.
package struct Cut: Sendable, Hashable {
    /// The last node inside.
    package let name: String
    /// How many nodes are inside; at least 1.
    package let nodesInside: Int
    /// The values that are computed before the cut (or are inputs) and used after it, in order of definition.
    package let crossing: [String]
    /// Whether the graph's own input is among them, so that the cut hides nothing.
    package let exposesInput: Bool

    /// Whether every path from the input passes through one tensor here.
    package var isArticulation: Bool { crossing.count == 1 && !exposesInput }
}

extension Graph {
    /// Every cut, shallowest first; the last has all nodes inside.
    package var cuts: [Cut] {
        // The position after which a value is not used any more.
        var lastUse: [String: Int] = [:]
        for (index, node) in nodes.enumerated() { for input in node.inputs { lastUse[input] = index } }
        for output in outputs { lastUse[output] = nodes.count }

        let inputNames = Set(inputs.map(\.name))
        var live = inputs.map(\.name)
        return nodes.enumerated().map { index, node in
            live.append(contentsOf: node.outputs)
            live.removeAll { lastUse[$0, default: -1] <= index }
            return Cut(
                name: node.name, nodesInside: index + 1, crossing: live,
                exposesInput: live.contains(where: inputNames.contains))
        }
    }

    /// The cut after the node of this name.
    ///
    /// - Throws: ``GraphError`` with code `invalidCut`, suggesting the nearest names.
    package func cut(named name: String) throws(GraphError) -> Cut {
        if let cut = cuts.first(where: { $0.name == name }) { return cut }
        let similar = nodes.map(\.name).filter { $0.localizedSimilarity(to: name) }.prefix(3)
        let remedy =
            similar.isEmpty ? "`infenclave inspect` lists the cuts" : "did you mean \(similar.joined(separator: ", "))?"
        throw GraphError(.invalidCut, "there is no cut '\(name)': \(remedy)")
    }

    /// The cuts worth assessing: one tensor crosses, and the next node is not merely an activation, a normalisation or
    /// a view of it, after which a cut would reveal no more.
    package var assessableCuts: [Cut] {
        cuts.filter { cut in
            guard cut.isArticulation, cut.nodesInside < nodes.count else { return false }
            switch nodes[cut.nodesInside].operation {
            case .activation, .batchNormalization, .identity, .flatten, .squeeze, .unsqueeze, .reshape, .softmax:
                return false
            default: return true
            }
        }
    }
}

extension String {
    fileprivate func localizedSimilarity(to other: String) -> Bool {
        let (a, b) = (lowercased(), other.lowercased())
        return a.contains(b) || b.contains(a)
    }
}
