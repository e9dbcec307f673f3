import ModelGraph
import ONNXFormat
import Tensors

extension GraphImporter {
    /// Takes the branch that a known condition chooses.
    mutating func addBranch(
        _ proto: ONNXNodeProto, _ node: ImportedNode, name: String
    ) throws(ONNXImportError) {
        let condition = try node.known(0, "condition")
        let holds = condition.shape.elementCount == 1 && condition.numbers()[0] != 0
        guard let chosen = proto.attribute.first(where: { $0.name == (holds ? "then_branch" : "else_branch") }),
            chosen.hasG, chosen.g.output.count == proto.output.count
        else { throw node.failure(.malformed, "its branch is missing, or makes another number of values") }
        branches += 1
        guard branches <= 1 << 10, chosen.g.node.count <= Graph.maximumNodes else {
            throw node.failure(.tooLarge, "over \(1 << 10) branches")
        }
        let branch = chosen.g.renamed { [branches] in "\(name)_\(branches)/\($0)" }
        var used = Set(branch.output.map(\.name))
        for inner in branch.node { used.formUnion(inner.allInputs) }
        for initializer in branch.initializer where used.contains(initializer.name) {
            define(initializer.name, try initializer.constant(externalData: &externalData))
        }
        let order = try NodeOrder(
            branch.node, outputs: branch.output.map(\.name),
            given: Set(types.keys).union(constants.keys).union(aliases.keys))
        for index in order.indices { try add(branch.node[index], index: index, used: used) }
        for (output, result) in zip(proto.output, branch.output) where !output.isEmpty {
            guard let value = operand(result.name), value.type != nil else {
                throw node.failure(.invalidGraph, "its branch makes no '\(result.name)'")
            }
            aliases[output] = value.name
        }
    }
}
