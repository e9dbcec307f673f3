// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat
import Tensors

extension GraphImporter {
    /// Replaces an `If` by the branch of its known condition.
    mutating func addBranch(
        _ proto: ONNXNodeProto, _ node: ImportedNode, name: String
    ) throws(ONNXImportError) {
        let condition = try node.known(0, "condition")
        let holds = condition.shape.elementCount == 1 && condition.numbers()[0] != 0
        guard let chosen = proto.attribute.first(where: { $0.name == (holds ? "then_branch" : "else_branch") }),
            chosen.hasG, chosen.g.output.count == proto.output.count
        else { throw node.failure(.malformed, "its branch is missing, or makes another number of values") }
        branches += 1
        guard branches <= Self.maximumBranches, chosen.g.node.count <= Graph.maximumNodes else {
            throw node.failure(.tooLarge, "over \(Self.maximumBranches) branches")
        }
        let branch = chosen.g.renamed { [branches] in "\(name)_\(branches)/\($0)" }
        try addBody(branch)
        for (output, result) in zip(proto.output, branch.output) where !output.isEmpty {
            guard sequences[result.name] != nil || operand(result.name)?.type != nil else {
                throw node.failure(.invalidGraph, "its branch makes no '\(result.name)'")
            }
            stand(output, for: result.name)
        }
    }
}
