// SPDX-License-Identifier: Apache-2.0
package import Evidence
package import ModelGraph
import Tensors

/// A classifier of six convolutions with rectifiers: large enough that arithmetic takes most of a request's time.
package struct DeepModel: BundledModel {
    package let isAllInside: Bool
    private static let channels = 24
    private static let side = 48
    private static let layers = 6
    private static let classes = 3

    /// Of a request.
    package static let inputShape = [1, 3, side, side]
    /// Of what crosses, in both directions.
    package static let boundaryShape = [1, channels, side, side]

    package init(isAllInside: Bool) { self.isAllInside = isAllInside }

    private func graph() throws -> Graph {
        var nodes: [Node] = []
        var constants: [String: Tensor] = [:]
        var value = "x"
        var seed: UInt32 = 1
        for layer in 0..<Self.layers {
            let shape = [
                layer == Self.layers - 1 ? Self.classes : Self.channels, layer == 0 ? 3 : Self.channels, 3, 3,
            ]
            let weights = (0..<shape.reduce(1, *)).map { _ in
                seed = seed &* 1_664_525 &+ 1_013_904_223
                return (Float(seed >> 8) / Float(1 << 24) - 0.4) / 8
            }
            constants["w\(layer)"] = try Tensor(weights, shape: shape)
            nodes.append(
                Node(
                    name: "c\(layer)",
                    operation: .convolution(Convolution(window: Window(kernel: [3, 3], pads: [1, 1, 1, 1]))),
                    inputs: [value, "w\(layer)"], outputs: ["a\(layer)"]))
            nodes.append(
                Node(
                    name: "r\(layer)", operation: .activation(Activation(.relu)), inputs: ["a\(layer)"],
                    outputs: ["b\(layer)"]))
            value = "b\(layer)"
        }
        nodes.append(
            Node(name: "mean", operation: .globalPooling(GlobalPooling(.average)), inputs: [value], outputs: ["m"]))
        nodes.append(Node(name: "flat", operation: .flatten(Flatten()), inputs: ["m"], outputs: ["logits"]))
        return try Graph(
            name: "deep", inputs: [Value(name: "x", type: TensorType(.float32, try Shape(Self.inputShape)))],
            outputs: ["logits"], nodes: nodes, constants: constants)
    }

    /// Three layers inside, one outside, and two in the mapping unit; or all in the FrontNet.
    private func partition() throws -> TernaryPartition {
        let graph = try graph()
        let front = try graph.cut(named: isAllInside ? "r5" : "r2")
        return try graph.partitioned(front: front, mapping: isAllInside ? front : try graph.cut(named: "r3"))
    }

    package func backNetGraph() throws -> Graph {
        guard let graph = try partition().back else { preconditionFailure("all layers are inside") }
        return graph
    }

    package func frontNetPart() throws -> FrontNetPart {
        let partition = try partition()
        return try FrontNetPart(
            graph: partition.front, normalization: try PixelNormalization(mean: [0, 0, 0], std: [255, 255, 255]),
            boundaryCount: partition.backInputs.count, acceptsFloats: true)
    }

    package func mappingUnitPart() throws -> MappingUnitPart {
        try MappingUnitPart(
            graph: try partition().mapping, appliesSoftmax: true, classNames: ["one", "two", "three"], topK: 1)
    }

    package func facts() throws -> ServiceFacts {
        let crossing = isAllInside ? [] : [TensorType(.float32, try Shape(Self.boundaryShape))]
        return try ServiceFacts(
            acceptsFloats: true, precision: .float32, channels: 3, height: Self.side, width: Self.side,
            classes: Self.classes, topK: 1, sigma: nil, toHost: crossing, fromHost: crossing)
    }
}
