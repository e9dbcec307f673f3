// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment
import ModelGraph
import Tensors
import Testing

@Suite("Comparison with a public model")
struct BackboneTests {
    /// The same network with weights made from its own.
    private static func changed(
        _ graph: Graph, prefix: String = "", _ change: (_ weights: String, _ tensor: Tensor) throws -> Tensor
    ) throws -> Graph {
        func renamed(_ name: String) -> String { graph.inputs[0].name == name || name == "prob" ? name : prefix + name }
        var constants: [String: Tensor] = [:]
        for (name, tensor) in graph.constants { constants[renamed(name)] = try change(name, tensor) }
        return try Graph(
            name: "other", inputs: graph.inputs, outputs: graph.outputs,
            nodes: graph.nodes.map { node in
                Node(
                    name: prefix + node.name, operation: node.operation, inputs: node.inputs.map(renamed),
                    outputs: node.outputs.map(renamed))
            }, constants: constants)
    }

    /// Normal noise of this share of the weights' norm.
    private static func perturbed(_ tensor: Tensor, _ share: Double, seed: UInt64 = 7) throws -> Tensor {
        var generator = SeededGenerator(seed: seed)
        let values = try tensor.floats()
        let norm = values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        let scale = share * norm / Double(values.count).squareRoot()
        return try Tensor(values.map { $0 + Float(scale * generator.normal()) }, shape: tensor.shape.dimensions)
    }

    private static func compare(_ own: Graph, _ other: Graph) -> BackboneComparison {
        BackboneComparison(of: own, with: other, name: "public", sha256: String(repeating: "0b", count: 32))
    }

    private static func statuses(_ own: Graph, _ other: Graph) -> [BackboneComparison.Status] {
        compare(own, other).layers.map(\.status)
    }

    @Test("A copy equals the public model in every layer, whatever the layer names")
    func renamed() throws {
        let graph = try TinyNetwork.graph()
        let comparison = Self.compare(graph, try Self.changed(graph, prefix: "backbone.") { $1 })
        #expect(comparison.layers.map(\.name) == ["conv1", "conv2", "logits"])
        #expect(comparison.layers.map(\.status) == [.equal, .equal, .equal])
        #expect(comparison.layers.map(\.match) == ["backbone.conv1", "backbone.conv2", "backbone.logits"])
        let depth = comparison.depth(of: "relu2", nodesInside: 5)
        #expect(depth.weighted == 2 && depth.leadingPublic == 2)
        #expect(depth.consequence?.contains("all 2 weighted layers inside are public") == true)
        #expect(comparison.summary.contains("3 weighted layers: 3 equal"))
    }

    @Test("Layers rounded to half the bits are still equal")
    func rounded() throws {
        let graph = try TinyNetwork.graph()
        let other = try Self.changed(graph) { try Self.perturbed($1, 2e-5) }
        #expect(Self.statuses(graph, other) == [.equal, .equal, .equal])
    }

    @Test("If only the last layer was fine-tuned, the layers before it are public")
    func fineTunedHead() throws {
        let graph = try TinyNetwork.graph()
        let near = try Self.changed(graph) { name, tensor in name == "w3" ? try Self.perturbed(tensor, 0.2) : tensor }
        let comparison = Self.compare(near, graph)
        #expect(comparison.layers.map(\.status) == [.equal, .equal, .close])
        #expect(abs((comparison.layers[2].distance ?? 0) - 0.2) < 0.08)
        // Another number of classes: no public layer has its shape.
        let other = try Self.changed(try TinyNetwork.graph(classes: 7)) { name, tensor in
            name == "w3" ? tensor : graph.constants[name] ?? tensor
        }
        let replaced = Self.compare(other, graph)
        #expect(replaced.layers.map(\.status) == [.equal, .equal, .different])
        #expect(replaced.layers[2].match == nil && replaced.layers[2].distance == nil)
    }

    @Test("With a changed first layer the later layers are public, but no prefix of the network is")
    func changedStem() throws {
        let graph = try TinyNetwork.graph()
        let fresh = try TinyNetwork.graph(seed: 5)
        let own = try Self.changed(graph) { name, tensor in name == "w1" ? fresh.constants["w1"] ?? tensor : tensor }
        let comparison = Self.compare(own, graph)
        #expect(comparison.layers.map(\.status) == [.different, .equal, .equal])
        let depth = comparison.depth(of: "relu2", nodesInside: 5)
        #expect(depth.leadingPublic == 0 && depth.publicLayers == 1)
        #expect(depth.consequence?.contains("1 of 2 weighted layers inside are public") == true)
        #expect(comparison.depth(of: "relu1", nodesInside: 2).consequence == nil)
    }

    @Test("Layers with permuted channels are equal")
    func permuted() throws {
        let graph = try TinyNetwork.graph()
        // The outputs of the first convolution and so the inputs of the second, reversed.
        let own = try Self.changed(graph) { name, tensor in
            let (shape, values) = (tensor.shape.dimensions, try tensor.floats())
            let kernel = 9
            switch name {
            case "w1":
                let length = values.count / shape[0]
                return try Tensor(
                    (0..<shape[0]).reversed().flatMap { values[$0 * length..<($0 + 1) * length] }, shape: shape)
            case "w2":
                return try Tensor(
                    (0..<shape[0]).flatMap { output in
                        (0..<shape[1]).reversed().flatMap { input -> ArraySlice<Float> in
                            let start = (output * shape[1] + input) * kernel
                            return values[start..<start + kernel]
                        }
                    }, shape: shape)
            default: return tensor
            }
        }
        #expect(Self.statuses(own, graph) == [.permuted, .permuted, .equal])
        #expect(Self.compare(own, graph).depth(of: "relu2", nodesInside: 5).leadingPublic == 2)
    }

    @Test("Reordered layers of the same shape are each matched once")
    func reordered() throws {
        func chain(_ order: [Int]) throws -> Graph {
            var generator = SeededGenerator(seed: 4)
            let weights = try (0..<4).map { _ in
                try Tensor((0..<9).map { _ in Float(generator.normal()) }, shape: [3, 3, 1, 1])
            }
            return try Graph(
                name: "chain", inputs: [Value(name: "x", type: TensorType(.float32, Shape([1, 3, 8, 8])))],
                outputs: ["v\(order.count - 1)"],
                nodes: order.indices.map { index in
                    Node(
                        name: "layer\(index)", operation: .convolution(.init(window: Window(kernel: [1, 1]))),
                        inputs: [index == 0 ? "x" : "v\(index - 1)", "w\(index)"], outputs: ["v\(index)"])
                },
                constants: Dictionary(
                    uniqueKeysWithValues: order.enumerated().map { ("w\($0.offset)", weights[$0.element]) }))
        }
        let comparison = Self.compare(try chain([2, 0, 3, 1]), try chain([0, 1, 2, 3]))
        #expect(comparison.layers.map(\.match) == ["layer2", "layer0", "layer3", "layer1"])
        // Of two copies of one public layer only one is matched.
        #expect(Self.statuses(try chain([0, 0]), try chain([0, 1])) == [.equal, .different])
    }

    @Test("Independent weights of the same architecture, and another architecture, are different")
    func independent() throws {
        let graph = try TinyNetwork.graph()
        let other = Self.compare(graph, try TinyNetwork.graph(seed: 2))
        #expect(other.layers.allSatisfy { $0.status == .different && ($0.distance ?? 0) > 1 })
        #expect(other.depth(of: "relu2", nodesInside: 5).consequence == nil)
        let linear = try Graph(
            name: "linear", inputs: graph.inputs, outputs: ["y"],
            nodes: [
                Node(name: "flat", operation: .flatten(.init(axis: 1)), inputs: ["input"], outputs: ["f"]),
                Node(name: "fc", operation: .gemm(.init(transposeB: true)), inputs: ["f", "w"], outputs: ["y"]),
            ],
            constants: ["w": try Tensor([Float](repeating: 0.5, count: 4 * 768), shape: [4, 768])])
        let foreign = Self.compare(graph, linear)
        #expect(foreign.layers.allSatisfy { $0.status == .different && $0.match == nil })
    }

    @Test("A matrix that another exporter transposed is the same layer")
    func transposed() throws {
        let graph = try TinyNetwork.graph()
        let weights = try #require(graph.constants["w3"])
        let (rows, columns) = (weights.shape[0], weights.shape[1])
        let values = try weights.floats()
        var constants = graph.constants
        constants["w3"] = try Tensor(
            (0..<columns).flatMap { column in (0..<rows).map { values[$0 * columns + column] } },
            shape: [columns, rows])
        let other = try Graph(
            name: "other", inputs: graph.inputs, outputs: graph.outputs,
            nodes: graph.nodes.map { node in
                node.name == "logits"
                    ? Node(
                        name: "logits", operation: .gemm(.init(transposeB: false)), inputs: node.inputs, outputs: ["h"])
                    : node
            }, constants: constants)
        #expect(Self.statuses(graph, other) == [.equal, .equal, .equal])
    }

    @Test("Public layers in the recommended FrontNet cause a warning, and JSON and report list those of every cut")
    func report() throws {
        let graph = try TinyNetwork.graph()
        var result = try Measured.result(Measured.cuts([("relu1", 0.9, (1, 2)), ("relu2", 0.004, (3, 3))]))
        result.add(Self.compare(graph, try Self.changed(graph, prefix: "<b>") { $1 }))
        #expect(result.warnings.contains { $0.contains("'relu2'") && $0.contains("all 2 weighted layers") })
        let files = try AssessmentReport.contents(of: result)
        let document = try #require(try JSONSerialization.jsonObject(with: files[0].data) as? [String: Any])
        let backbone = try #require(document["publicBackbone"] as? [String: Any])
        #expect(
            (backbone["layers"] as? [[String: Any]])?.map { $0["status"] as? String } == ["equal", "equal", "equal"])
        #expect((backbone["cuts"] as? [[String: Any]])?.map { $0["publicFromFirst"] as? Int } == [1, 2])
        let page = String(decoding: files[2].data, as: UTF8.self)
        #expect(page.contains("How much of the FrontNet is public"))
        #expect(!page.contains("<b>conv1"))
    }
}
