// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A graph cut in three (paper, section 4): the FrontNet and the mapping unit run inside the enclave, the BackNet
/// outside. Running the three in sequence computes exactly the result of the whole graph.
package struct TernaryPartition: Sendable {
    /// From the model's input to the boundary. Its outputs are ``backInputs`` followed by ``retained`` values that are
    /// not among them.
    package let front: Graph
    /// The layers outside; `nil` when everything is inside.
    package let back: Graph?
    /// From the boundary to the model's outputs. Its inputs are the BackNet's outputs followed by ``retained``.
    package let mapping: Graph
    /// Tensors that the enclave sends to the host, in the BackNet's order of inputs.
    package let backInputs: [Value]
    /// Tensors that the host returns, in the BackNet's order of outputs.
    package let backOutputs: [Value]
    /// Values that the FrontNet computes and the mapping unit needs; they never leave the enclave.
    package let retained: [Value]
}

extension Graph {
    /// Cuts the graph after `front` and after `mapping`.
    ///
    /// - Parameters:
    ///   - front: The last cut of the FrontNet.
    ///   - mapping: The last cut of the BackNet; equal to `front` for an empty BackNet.
    /// - Throws: ``GraphError`` with code `invalidCut` when the mapping cut is before the front cut, the graph has
    ///   several inputs or outputs, or the input itself would cross the boundary.
    package func partitioned(front: Cut, mapping: Cut) throws(GraphError) -> TernaryPartition {
        guard inputs.count == 1, outputs.count == 1 else {
            throw GraphError(
                .invalidCut,
                "a model with \(inputs.count) inputs and \(outputs.count) outputs cannot be partitioned, only one with one each"
            )
        }
        guard front.nodesInside <= mapping.nodesInside else {
            throw GraphError(.invalidCut, "mapping cut '\(mapping.name)' is before front cut '\(front.name)'")
        }
        let frontNodes = nodes[..<front.nodesInside]
        let backNodes = nodes[front.nodesInside..<mapping.nodesInside]
        let mappingNodes = nodes[mapping.nodesInside...]

        let madeInFront = frontNodes.flatMap(\.outputs)
        let madeInBack = backNodes.flatMap(\.outputs)
        let usedInBack = Set(backNodes.flatMap(\.inputs))
        let usedInMapping = Set(mappingNodes.flatMap(\.inputs)).union(outputs)
        let input = inputs[0].name
        guard !usedInBack.contains(input), !usedInMapping.contains(input) else {
            throw GraphError(
                .invalidCut,
                "the input itself is used after cut '\(front.name)', so it would cross the boundary: choose a deeper cut"
            )
        }
        // A constant may be an output; it belongs to the mapping unit.
        let backInputs = madeInFront.filter(usedInBack.contains).map(value)
        let retained = madeInFront.filter(usedInMapping.contains).map(value)
        let backOutputs = madeInBack.filter(usedInMapping.contains).map(value)
        guard backNodes.isEmpty || (!backInputs.isEmpty && !backOutputs.isEmpty) else {
            throw GraphError(
                .invalidCut,
                "nothing crosses between cuts '\(front.name)' and '\(mapping.name)': choose equal cuts for everything inside"
            )
        }

        let sent = Set(backInputs)
        return TernaryPartition(
            front: try segment(
                "front", frontNodes, inputs: inputs, outputs: backInputs + retained.filter { !sent.contains($0) }),
            back: backNodes.isEmpty ? nil : try segment("back", backNodes, inputs: backInputs, outputs: backOutputs),
            mapping: try Graph(
                name: "mapping", inputs: backOutputs + retained, outputs: outputs, nodes: Array(mappingNodes),
                constants: constants),
            backInputs: backInputs, backOutputs: backOutputs, retained: retained)
    }

    private func value(_ name: String) -> Value { Value(name: name, type: type(of: name)) }

    private func segment(
        _ name: String, _ nodes: ArraySlice<Node>, inputs: [Value], outputs: [Value]
    ) throws(GraphError) -> Graph {
        try Graph(name: name, inputs: inputs, outputs: outputs.map(\.name), nodes: Array(nodes), constants: constants)
    }
}
