// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// One step of a graph.
package struct Node: Sendable {
    /// Unique in the graph.
    package let name: String
    package let operation: Operation
    /// Names of values, in the operator's order.
    package let inputs: [String]
    /// Names of the values that the node computes.
    package let outputs: [String]

    package init(name: String, operation: Operation, inputs: [String], outputs: [String]) {
        self.name = name
        self.operation = operation
        self.inputs = inputs
        self.outputs = outputs
    }
}

/// A named value and its type.
package struct Value: Sendable, Hashable {
    package let name: String
    package let type: TensorType

    package init(name: String, type: TensorType) {
        self.name = name
        self.type = type
    }
}

/// A validated inference graph: every name is defined once and before its use, and every value has a type. A `Graph`
/// that exists can be planned.
package struct Graph: Sendable {
    package let name: String
    package let inputs: [Value]
    /// Names of the graph's outputs; an output may be an input or a constant.
    package let outputs: [String]
    /// In topological order.
    package let nodes: [Node]
    package let constants: [String: Tensor]
    /// The type of every input, constant and node output.
    package let types: [String: TensorType]

    /// Limit of the number of nodes of an untrusted graph.
    package static let maximumNodes = 1 << 17
    package static let maximumOperands = 1 << 12
    package static let maximumNameBytes = 4096

    /// Checks the graph and infers the type of every value. Constants that no node and no output uses are dropped.
    ///
    /// - Throws: ``GraphError`` naming the node.
    package init(
        name: String, inputs: [Value], outputs: [String], nodes: [Node], constants: [String: Tensor]
    ) throws(GraphError) {
        guard nodes.count <= Self.maximumNodes else {
            throw GraphError(.invalidGraph, "\(nodes.count) nodes are over the limit of \(Self.maximumNodes)")
        }
        for node in nodes where max(node.inputs.count, node.outputs.count) > Self.maximumOperands {
            throw GraphError(.invalidGraph, "node '\(node.name)' has over \(Self.maximumOperands) inputs or outputs")
        }
        var types: [String: TensorType] = [:]
        func define(_ name: String, _ type: TensorType) throws(GraphError) {
            guard !name.isEmpty, name.utf8.count <= Self.maximumNameBytes else {
                throw GraphError(.invalidGraph, "a value's name is empty or over \(Self.maximumNameBytes) bytes")
            }
            guard types.updateValue(type, forKey: name) == nil else {
                throw GraphError(.invalidGraph, "value '\(name)' is defined twice")
            }
        }
        for input in inputs { try define(input.name, input.type) }
        var used: Set<String> = Set(outputs)
        for node in nodes { used.formUnion(node.inputs) }
        let constants = constants.filter { used.contains($0.key) }
        for (name, tensor) in constants { try define(name, tensor.type) }

        var nodeNames: Set<String> = []
        for node in nodes {
            guard !node.name.isEmpty, node.name.utf8.count <= Self.maximumNameBytes,
                nodeNames.insert(node.name).inserted
            else {
                throw GraphError(.invalidGraph, "node name '\(node.name.prefix(80))' is empty, too long or used twice")
            }
            let place = "node '\(node.name)' (\(node.operation.label))"
            var operands: [TensorType] = []
            for input in node.inputs {
                guard let type = types[input] else {
                    throw GraphError(.invalidGraph, "\(place): value '\(input)' is not defined before it")
                }
                operands.append(type)
            }
            let results: [TensorType]
            do throws(GraphError) {
                results = try node.operation.attributes.resultTypes(for: operands)
            } catch { throw error.at(place) }
            guard results.count == node.outputs.count else {
                throw GraphError(.invalidGraph, "\(place): \(node.outputs.count) outputs, expected \(results.count)")
            }
            for (output, type) in zip(node.outputs, results) { try define(output, type) }
        }
        guard !outputs.isEmpty else { throw GraphError(.invalidGraph, "the graph has no output") }
        for output in outputs where types[output] == nil {
            throw GraphError(.invalidGraph, "output '\(output)' is not defined")
        }
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.nodes = nodes
        self.constants = constants
        self.types = types
    }

    /// The type of a value that the graph defines.
    package func type(of name: String) -> TensorType {
        guard let type = types[name] else { preconditionFailure("'\(name)' is no value of this graph") }
        return type
    }

    /// The same graph with these values as its outputs, for inspection.
    package func exposing(_ outputs: [String]) throws(GraphError) -> Graph {
        try Graph(name: name, inputs: inputs, outputs: outputs, nodes: nodes, constants: constants)
    }

    /// The same graph for inputs whose first dimension is `batch`.
    ///
    /// - Throws: ``GraphError`` when an operator fixes the batch size (a reshape with a literal 1, for instance).
    package func withBatch(_ batch: Int) throws(GraphError) -> Graph {
        var resized: [Value] = []
        for input in inputs {
            guard input.type.shape.rank > 0 else {
                throw GraphError(.invalidGraph, "input '\(input.name)' is a scalar and has no batch")
            }
            let dimensions = [batch] + input.type.shape.dimensions.dropFirst()
            resized.append(Value(name: input.name, type: TensorType(input.type.element, try shape(dimensions))))
        }
        return try Graph(name: name, inputs: resized, outputs: outputs, nodes: nodes, constants: constants)
    }
}
