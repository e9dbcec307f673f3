// SPDX-License-Identifier: Apache-2.0
internal import Inference
package import ModelGraph
package import Tensors

/// Runs the model once per image and returns the boundary tensors of several cuts.
package final class CutProbe {
    private let plan: Plan
    private let values: CrossingValues

    package convenience init(_ network: AssessmentConfiguration.Network, cuts: [Cut]) throws(AssessmentError) {
        try self.init(network, CrossingValues(cuts.map(\.crossing)), depth: cuts.map(\.nodesInside).max() ?? 0)
    }

    /// Observes every value that the network computes, as one list.
    convenience init(everythingIn network: AssessmentConfiguration.Network) throws(AssessmentError) {
        let graph = network.graph
        let values = graph.nodes.flatMap(\.outputs).filter { graph.type(of: $0).element == .float32 }
        try self.init(network, CrossingValues([values]), depth: graph.nodes.count)
    }

    private init(
        _ network: AssessmentConfiguration.Network, _ values: CrossingValues, depth: Int
    ) throws(AssessmentError) {
        self.values = values
        let graph = network.graph
        let inside = try EngineBridge.graph { () throws(GraphError) in
            try Graph(
                name: graph.name, inputs: graph.inputs, outputs: values.names, nodes: Array(graph.nodes[..<depth]),
                constants: graph.constants)
        }
        plan = try EngineBridge.compile(inside, name: network.name)
    }

    /// The boundary tensors of each cut, in the order of the cuts, as f32: those of integers are converted, without
    /// their scale and zero point.
    ///
    /// - Throws: ``AssessmentError`` `.notFinite` when a value is not finite, since a later layer might hide it.
    package func crossing(of input: Tensor) throws(AssessmentError) -> [[Tensor]] {
        let made = try EngineBridge.run(plan, [input]).map(\.converted)
        for (name, value) in zip(values.names, made) {
            // A value times zero is zero unless the value is not finite.
            let isFinite = value.withElements(as: Float.self) { $0.reduce(0) { $0 + $1 * 0 } == 0 }
            guard isFinite else { throw AssessmentError(.notFinite, "the values of '\(name)' are not all finite") }
        }
        return values.byCut(made)
    }
}

extension Tensor {
    /// The same values as f32, rounded above 2²⁴; attacks read integers of quantised networks like this.
    package var converted: Tensor {
        switch element {
        case .float32: self
        case .uint8, .boolean: converted(from: UInt8.self)
        case .int8: converted(from: Int8.self)
        case .int32: converted(from: Int32.self)
        case .int64: converted(from: Int64.self)
        }
    }

    private func converted<Value: BinaryInteger & BitwiseCopyable>(from _: Value.Type) -> Tensor {
        withElements(as: Value.self) { values in
            Tensor(type: TensorType(.float32, shape)) { target in
                let target = target.bindMemory(to: Float.self)
                for index in values.indices { target[index] = Float(values[index]) }
            }
        }
    }
}

extension Cut {
    /// Whether noise can be added to what crosses.
    func isOfFloats(in graph: Graph) -> Bool { crossing.allSatisfy { graph.type(of: $0).element == .float32 } }
}
