// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
internal import Tensors

/// Derivatives of a graph, as graphs of the same operators. The engine that runs a network also runs its derivative,
/// and no finite differences are used.
package enum GraphDerivative {
    /// Forward mode: the change of each of `values` for a change of the input.
    ///
    /// - Parameters:
    ///   - graph: With one input x.
    ///   - values: Names of values of the graph.
    /// - Returns: A graph with inputs x and a tangent v of the same type, and the outputs J·v, one per value and of its
    ///   shape. J is the Jacobian at x.
    /// - Throws: ``DifferentiationError`` naming the node without a derivative.
    package static func tangent(of graph: Graph, at values: [String]) throws(DifferentiationError) -> Graph {
        var work = try Work(graph, values)
        let direction = Value(name: work.freeName("tangent"), type: work.input.type)
        work.builder.define(direction.name, direction.type)
        var tangents = [work.input.name: direction.name]
        for node in work.nodes {
            guard work.active.contains(node.outputs[0]) else { continue }
            tangents[node.outputs[0]] = try work.tangent(of: node, tangents)
        }
        let outputs = try values.map { (name) throws(DifferentiationError) in
            if let tangent = tangents[name] { return tangent }
            return try work.zeros(like: name)
        }
        return try work.graph(inputs: [work.input, direction], outputs: outputs)
    }

    /// Reverse mode: the gradient of a linear combination of `values` with respect to the input.
    ///
    /// - Returns: A graph with inputs x and one cotangent u per value, of its type, and the output Jᵀ·u, of the type of
    ///   x, summed over the values.
    /// - Throws: ``DifferentiationError`` naming the node without a derivative.
    package static func adjoint(of graph: Graph, at values: [String]) throws(DifferentiationError) -> Graph {
        var work = try Work(graph, values)
        let directions = values.map { Value(name: work.freeName("cotangent of \($0)"), type: graph.type(of: $0)) }
        for direction in directions { work.builder.define(direction.name, direction.type) }
        let gradient = try work.gradient(Array(zip(values, directions.map(\.name))))
        return try work.graph(inputs: [work.input] + directions, outputs: [gradient])
    }

    /// The squared distance of `values` from targets, and its gradient.
    ///
    /// - Returns: A graph with inputs x and one target t per value e, of its type, and two outputs: the sum over the
    ///   values of ‖e - t‖² / 2, of one element, and its gradient with respect to x.
    /// - Throws: ``DifferentiationError`` naming the node without a derivative.
    package static func distanceGradient(
        of graph: Graph, at values: [String]
    ) throws(DifferentiationError) -> Graph {
        var work = try Work(graph, values)
        let targets = values.map { Value(name: work.freeName("target of \($0)"), type: graph.type(of: $0)) }
        var residuals: [(String, String)] = []
        var distance: String?
        for (value, target) in zip(values, targets) {
            work.builder.define(target.name, target.type)
            let residual = try work.builder.difference(value, target.name)
            residuals.append((value, residual))
            let squares = try work.builder.product(residual, residual)
            let count = work.builder.shape(of: squares).elementCount
            let line = try work.builder.add(.reshape(Reshape([count])), squares)
            let sum = try work.builder.add(.reduction(Reduction(.sum, axes: [0], keepsDimensions: true)), line)
            if let so = distance { distance = try work.builder.sum(so, sum) } else { distance = sum }
        }
        guard let distance else { throw DifferentiationError("no value is named to take the distance of") }
        let half = try work.builder.product(distance, 0.5)
        let gradient = try work.gradient(residuals)
        return try work.graph(inputs: [work.input] + targets, outputs: [half, gradient])
    }
}

/// The state of a differentiation.
private struct Work {
    let input: Value
    /// The nodes that the values depend on, in order.
    let nodes: [Node]
    /// Values that depend on the input.
    let active: Set<String>
    var builder: GraphBuilder
    private let name: String

    init(_ graph: Graph, _ values: [String]) throws(DifferentiationError) {
        guard graph.inputs.count == 1 else {
            throw DifferentiationError("the graph has \(graph.inputs.count) inputs, expected 1")
        }
        for value in values where graph.types[value] == nil {
            throw DifferentiationError("'\(value)' is no value of the graph")
        }
        input = graph.inputs[0]
        name = graph.name
        var needed = Set(values)
        for node in graph.nodes.reversed() where node.outputs.contains(where: needed.contains) {
            needed.formUnion(node.inputs)
        }
        nodes = graph.nodes.filter { $0.outputs.contains(where: needed.contains) }
        var active: Set<String> = [input.name]
        for node in nodes where node.inputs.contains(where: active.contains) { active.formUnion(node.outputs) }
        self.active = active
        builder = GraphBuilder(constants: graph.constants, types: graph.types)
        for node in nodes { builder.append(node) }
    }

    func freeName(_ wish: String) -> String {
        var name = wish
        while builder.types[name] != nil { name += "'" }
        return name
    }

    mutating func tangent(of node: Node, _ tangents: [String: String]) throws(DifferentiationError) -> String {
        // Otherwise each operand's tangent would be padded with zeros, and the sum taken.
        if case .concat(let concat) = node.operation {
            var parts: [String] = []
            for operand in node.inputs {
                if let tangent = tangents[operand] {
                    parts.append(tangent)
                } else {
                    parts.append(try zeros(like: operand))
                }
            }
            return try builder.concat(parts, axis: concat.axis)
        }
        var sum: String?
        let derivative = NodeDerivative(node: node)
        for (position, operand) in node.inputs.enumerated() {
            guard let tangent = tangents[operand] else { continue }
            for path in try derivative.paths(by: position, in: &builder) {
                var moved = tangent
                for step in path { moved = try step.apply(to: moved, in: &builder) }
                if let so = sum { sum = try builder.sum(so, moved) } else { sum = moved }
            }
        }
        if let sum { return sum }
        return try zeros(like: node.outputs[0])
    }

    /// - Parameter directions: Values and their cotangents.
    mutating func gradient(_ directions: [(String, String)]) throws(DifferentiationError) -> String {
        var cotangents: [String: String] = [:]
        let active = active
        func add(_ cotangent: String, to value: String, _ builder: inout GraphBuilder) throws(DifferentiationError) {
            guard active.contains(value) else { return }
            if let so = cotangents[value] {
                cotangents[value] = try builder.sum(so, cotangent)
            } else {
                cotangents[value] = cotangent
            }
        }
        for (value, cotangent) in directions { try add(cotangent, to: value, &builder) }
        for node in nodes.reversed() {
            guard let cotangent = cotangents[node.outputs[0]] else { continue }
            let derivative = NodeDerivative(node: node)
            for (position, operand) in node.inputs.enumerated() where active.contains(operand) {
                for path in try derivative.paths(by: position, in: &builder) {
                    var moved = cotangent
                    for step in path.reversed() { moved = try step.applyTransposed(to: moved, in: &builder) }
                    try add(moved, to: operand, &builder)
                }
            }
        }
        if let gradient = cotangents[input.name] { return gradient }
        return try zeros(like: input.name)
    }

    mutating func zeros(like value: String) throws(DifferentiationError) -> String {
        let shape = builder.shape(of: value)
        return try builder.constant([Float](repeating: 0, count: shape.elementCount), shape.dimensions)
    }

    func graph(inputs: [Value], outputs: [String]) throws(DifferentiationError) -> Graph {
        do throws(GraphError) {
            return try Graph(
                name: name, inputs: inputs, outputs: outputs, nodes: builder.nodes, constants: builder.constants)
        } catch { throw DifferentiationError(error) }
    }
}
