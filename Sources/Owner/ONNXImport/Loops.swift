// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat
import Tensors

extension GraphImporter {
    /// Unrolls a loop, one copy of its body per iteration. The number of iterations must be known.
    mutating func addLoop(
        _ proto: ONNXNodeProto, _ node: ImportedNode, name: String
    ) throws(ONNXImportError) {
        guard let body = proto.attribute.first(where: { $0.name == "body" && $0.hasG })?.g, body.input.count >= 2,
            proto.input.count == body.input.count, body.output.count >= body.input.count - 1,
            proto.output.count <= body.output.count - 1
        else { throw node.failure(.malformed, "its body is missing, or takes or makes another number of values") }
        let trips = try node.constantIntegers(0, "the number of rounds")?.first ?? Int.max
        var goesOn = try holds(proto.input[1], node) ?? true
        let carriedCount = body.input.count - 2
        var carried = proto.input.dropFirst(2).map { $0 }
        var scans = [[String]](repeating: [], count: body.output.count - 1 - carriedCount)
        var round = 0
        while goesOn, round < trips {
            branches += 1
            guard branches <= Self.maximumBranches, body.node.count <= Graph.maximumNodes else {
                throw node.failure(.tooLarge, "over \(Self.maximumBranches) rounds of loops")
            }
            let copy = body.renamed(withInputs: true) { [branches] in "\(name)_\(branches)/\($0)" }
            define(copy.input[0].name, try integerConstant(round))
            define(copy.input[1].name, Constant(Tensor.truth))
            for (input, value) in zip(copy.input.dropFirst(2), carried) { stand(input.name, for: value) }
            try addBody(copy)
            goesOn = try holds(copy.output[0].name, node) ?? true
            carried = copy.output.dropFirst().prefix(carriedCount).map(\.name)
            for (index, output) in copy.output.dropFirst(1 + carriedCount).enumerated() {
                scans[index].append(output.name)
            }
            round += 1
        }
        for (output, value) in zip(proto.output, carried) where !output.isEmpty { stand(output, for: value) }
        for (output, values) in zip(proto.output.dropFirst(carriedCount), scans) where !output.isEmpty {
            guard !values.isEmpty else { throw node.failure(.unsupported, "it never runs, and '\(output)' is empty") }
            try join(values, axis: 0, isNew: true, node, output: output)
        }
    }

    /// Limit of loop iterations and branches in a graph.
    static let maximumBranches = 1 << 10

    /// A condition that must be known; `nil` if it is left out.
    private func holds(_ name: String, _ node: ImportedNode) throws(ONNXImportError) -> Bool? {
        guard !name.isEmpty else { return nil }
        guard let tensor = operand(name)?.constant?.tensor, tensor.shape.elementCount == 1 else {
            throw node.failure(
                .unsupported,
                "its condition depends on the picture; \(RefusedOperators.explanation(of: "Loop", domain: "").remedy)")
        }
        return tensor.numbers()[0] != 0
    }

    private func integerConstant(_ value: Int) throws(ONNXImportError) -> Constant {
        let type = TensorType(.int64, try ConstantFolder.shape([]))
        return Constant(Tensor(type: type) { $0.storeBytes(of: Int64(value), as: Int64.self) })
    }

    /// Adds the nodes of a subgraph, whose names are local.
    mutating func addBody(_ body: ONNXGraphProto) throws(ONNXImportError) {
        var used = Set(body.output.map(\.name))
        for inner in body.node { used.formUnion(inner.allInputs) }
        for initializer in body.initializer where used.contains(initializer.name) {
            define(initializer.name, try initializer.constant(externalData: &externalData))
        }
        let order = try NodeOrder(
            body.node, outputs: body.output.map(\.name),
            given: Set(types.keys).union(constants.keys).union(aliases.keys).union(sequences.keys))
        for index in order.indices { try add(body.node[index], index: index, used: used) }
    }

    /// Maps a name of the file to an existing value or sequence.
    mutating func stand(_ name: String, for value: String) {
        if let list = sequences[value] {
            sequences[name] = list
        } else {
            aliases[name] = aliases[value] ?? value
        }
    }
}

extension Tensor {
    /// A boolean constant, true.
    fileprivate static var truth: Tensor {
        // A scalar shape is always valid.
        guard let shape = try? Shape([]) else { preconditionFailure("a scalar has a shape") }
        return Tensor(type: TensorType(.boolean, shape)) { $0[0] = 1 }
    }
}
