internal import Inference
internal import ModelGraph
internal import Tensors

/// Runs the model once per picture and gives what crosses each of several cuts.
final class CutProbe {
    private let plan: Plan
    private let positions: [[Int]]

    init(_ network: AssessmentConfiguration.Network, cuts: [Cut]) throws(AssessmentError) {
        var names: [String] = []
        var known: [String: Int] = [:]
        positions = cuts.map { cut in
            cut.crossing.map { name in
                if let position = known[name] { return position }
                known[name] = names.count
                names.append(name)
                return names.count - 1
            }
        }
        let graph = network.graph
        let depth = cuts.map(\.nodesInside).max() ?? 0
        let inside = try EngineBridge.graph { () throws(GraphError) in
            try Graph(
                name: graph.name, inputs: graph.inputs, outputs: names, nodes: Array(graph.nodes[..<depth]),
                constants: graph.constants)
        }
        plan = try EngineBridge.compile(inside, name: network.name)
    }

    /// What crosses each cut, in the order of the cuts.
    func crossing(of input: Tensor) throws(AssessmentError) -> [[Tensor]] {
        let values = try EngineBridge.run(plan, [input])
        return positions.map { $0.map { values[$0] } }
    }
}
