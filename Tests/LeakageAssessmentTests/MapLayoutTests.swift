// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import ModelGraph
import Tensors
import Testing

@Suite("Feature map layouts")
struct MapLayoutTests {
    /// A graph with an image of these extents, a value `x` of this shape, whose first extent is 1, and nodes after it.
    private static func graph(
        _ shape: [Int], image: (height: Int, width: Int) = (224, 224), _ nodes: [Node] = [],
        constants: [String: Tensor] = [:]
    ) throws -> Graph {
        try Graph(
            name: "layout",
            inputs: [
                Value(name: "image", type: TensorType(.float32, Shape([1, 3, image.height, image.width]))),
                Value(name: "rest", type: TensorType(.float32, Shape(Array(shape.dropFirst())))),
            ],
            outputs: ["r", nodes.last?.outputs[0] ?? "x"],
            nodes: [
                Node(name: "relu", operation: .activation(.init(.relu)), inputs: ["image"], outputs: ["r"]),
                Node(name: "unsqueeze", operation: .unsqueeze(.init(axes: [0])), inputs: ["rest"], outputs: ["x"]),
            ] + nodes, constants: constants)
    }

    private static func layout(_ shape: [Int], image: (height: Int, width: Int) = (224, 224)) throws -> MapLayout? {
        try graph(shape, image: image).mapLayout(of: "x")
    }

    @Test("Tokens are a grid of patches after the extra tokens, if such a grid exists")
    func tokens() throws {
        #expect(
            try Self.layout([1, 197, 768]) == .channelsLast(channels: 768, height: 14, width: 14, extraTokens: 1))
        #expect(try Self.layout([1, 196, 384]) == .channelsLast(channels: 384, height: 14, width: 14))
        #expect(try Self.layout([1, 50, 768]) == .channelsLast(channels: 768, height: 7, width: 7, extraTokens: 1))
        #expect(
            try Self.layout([1, 201, 384]) == .channelsLast(channels: 384, height: 14, width: 14, extraTokens: 5))
        #expect(
            try Self.layout([1, 51, 64], image: (40, 80))
                == .channelsLast(channels: 64, height: 5, width: 10, extraTokens: 1))
        // Rows of a recurrent network, and one token.
        #expect(try Self.layout([1, 28, 64], image: (28, 28)) == nil)
        #expect(try Self.layout([1, 1, 768]) == nil)
    }

    @Test("The two axes with the image's aspect ratio are height and width")
    func aspectRatio() throws {
        #expect(try Self.layout([1, 56, 56, 96]) == .channelsLast(channels: 96, height: 56, width: 56))
        #expect(try Self.layout([1, 96, 56, 56]) == .planes(channels: 96, height: 56, width: 56))
        #expect(
            try Self.layout([1, 8, 16, 24], image: (32, 64)) == .channelsLast(channels: 24, height: 8, width: 16))
        #expect(try Self.layout([1, 24, 8, 16], image: (32, 64)) == .planes(channels: 24, height: 8, width: 16))
        // Cells of 16 pixels, rounded up.
        #expect(try Self.layout([1, 8, 21, 31], image: (330, 490)) == .planes(channels: 8, height: 21, width: 31))
        for shape in [[1, 1, 1, 64], [1, 64, 1, 1]] { #expect(try Self.layout(shape) == nil) }
    }

    @Test("If both layouts fit, channels are first unless neighbouring nodes show otherwise")
    func ambiguous() throws {
        let shape = [1, 14, 14, 14]
        let (first, last) = (
            MapLayout.planes(channels: 14, height: 14, width: 14),
            MapLayout.channelsLast(channels: 14, height: 14, width: 14)
        )
        #expect(try Self.layout(shape) == first)
        #expect(try Self.layout([1, 4, 8, 16], image: (32, 64)) == .planes(channels: 4, height: 8, width: 16))
        let constants = [
            "scale": try Tensor([Float](repeating: 1, count: 14), shape: [14]),
            "matrix": try Tensor([Float](repeating: 1, count: 14 * 3), shape: [14, 3]),
        ]
        func layout(_ operation: ModelGraph.Operation, _ operands: String...) throws -> MapLayout? {
            let node = Node(name: "next", operation: operation, inputs: ["x"] + operands, outputs: ["y"])
            return try Self.graph(shape, [node], constants: constants).mapLayout(of: "x")
        }
        #expect(try layout(.layerNormalization(.init(axis: -1, epsilon: 1e-5)), "scale") == last)
        #expect(try layout(.matMul(.init()), "matrix") == last)
        #expect(try layout(.transpose(.init([0, 3, 1, 2]))) == last)
        #expect(try layout(.transpose(.init([0, 2, 3, 1]))) == first)
        #expect(try layout(.activation(.init(.relu))) == first)
    }

    @Test("A reshape to three axes keeps the map layout")
    func reshaped() throws {
        let node = Node(name: "reshape", operation: .reshape(.init([1, 16, 196])), inputs: ["x"], outputs: ["y"])
        let graph = try Self.graph([1, 16, 14, 14], [node])
        #expect(graph.mapLayout(of: "y") == .planes(channels: 16, height: 14, width: 14))
    }

    @Test("Tokens may be the first axis, or the last axis if transposed from maps")
    func tokenAxes() throws {
        // A sequence of a batch of 1, as after a permutation of [1, tokens, c].
        let first = Node(name: "first", operation: .transpose(.init([1, 0, 2])), inputs: ["x"], outputs: ["y"])
        let sequence = try Self.graph([1, 17, 5], image: (16, 16), [first])
        #expect(sequence.type(of: "y").shape.dimensions == [17, 1, 5])
        #expect(sequence.mapLayout(of: "y") == .channelsLast(channels: 5, height: 4, width: 4, extraTokens: 1))
        // Channels of tokens, and back, where both extents would be a grid.
        func node(_ name: String, _ operation: ModelGraph.Operation, _ input: String) -> Node {
            Node(name: name, operation: operation, inputs: [input], outputs: [name])
        }
        let swapped = try Self.graph(
            [1, 64, 4, 4], image: (16, 16),
            [
                node("reshape", .reshape(.init([1, 64, 16])), "x"), node("act", .activation(.init(.relu)), "reshape"),
                node("back", .transpose(.init([0, 2, 1])), "act"), node("next", .activation(.init(.relu)), "back"),
                node("again", .transpose(.init([0, 2, 1])), "next"), node("y", .activation(.init(.relu)), "again"),
            ])
        let (planes, last) = (
            MapLayout.planes(channels: 64, height: 4, width: 4),
            MapLayout.channelsLast(channels: 64, height: 4, width: 4)
        )
        for (name, layout) in [("reshape", planes), ("act", planes), ("back", last), ("next", last), ("y", planes)] {
            #expect(swapped.mapLayout(of: name) == layout, "\(name)")
        }
        // Features of rows are no maps, although their number is that of a grid.
        #expect(try Self.layout([1, 28, 196], image: (28, 28)) == nil)
    }

    @Test("Extra tokens come after the grid if a concatenation puts them there")
    func trailingTokens() throws {
        let token = try Tensor([Float](repeating: 1, count: 5), shape: [1, 1, 5])
        func graph(_ operands: [String]) throws -> Graph {
            try Self.graph(
                [1, 16, 5], image: (16, 16),
                [
                    Node(name: "concat", operation: .concat(.init(axis: 1)), inputs: operands, outputs: ["c"]),
                    Node(name: "relu2", operation: .activation(.init(.relu)), inputs: ["c"], outputs: ["y"]),
                ], constants: ["token": token])
        }
        let values = try Tensor((0..<85).map { Float($0) }, shape: [1, 17, 5])
        for (operands, vector, map) in [(["token", "x"], 0..<5, 5..<85), (["x", "token"], 80..<85, 0..<80)] {
            let layout = FeatureLayout(
                crossing: ["y"], of: try graph(operands), picture: (height: 16, width: 16), seed: 1)
            let features = try layout.features(of: [values])
            #expect(features.vector == vector.map { Float($0) } && features.map == map.map { Float($0) })
        }
    }

    @Test("Extra tokens become a vector, and no element is lost")
    func extraTokens() throws {
        let graph = try Self.graph([1, 17, 5], image: (16, 16))
        let layout = FeatureLayout(crossing: ["x"], of: graph, picture: (height: 16, width: 16), seed: 1)
        let values = (0..<85).map { Float($0) }
        let features = try layout.features(of: [try Tensor(values, shape: [1, 17, 5])])
        #expect(layout.grid?.height == 4 && layout.grid?.width == 4 && layout.channels == 5)
        #expect(features.vector == Array(values[..<5]) && features.map == Array(values[5...]))
        #expect(layout.elements(crossing: [graph.type(of: "x")]) == 85)
    }

    /// The same function with the cut `mmrelu` in either order.
    private static func network(channelsLast: Bool) throws -> AssessmentConfiguration.Network {
        var generator = SeededGenerator(seed: 3)
        func normals(_ count: Int, _ deviation: Double) -> [Float] {
            (0..<count).map { _ in Float(deviation * generator.normal()) }
        }
        let (kernels, first, second) = (normals(12 * 3 * 4, 0.3), normals(144, 0.3), normals(144, 0.3))
        let scores = try Tensor(normals(4 * 12, 0.5), shape: [4, 12])
        func turned(_ matrix: [Float]) -> [Float] { (0..<144).map { matrix[$0 % 12 * 12 + $0 / 12] } }
        let shape = channelsLast ? [12, 12] : [12, 12, 1, 1]
        func node(_ name: String, _ operation: ModelGraph.Operation, _ inputs: String...) -> Node {
            Node(name: name, operation: operation, inputs: inputs, outputs: [name])
        }
        func product(_ name: String, _ inputs: String, _ weights: String) -> Node {
            let window = Window(kernel: [1, 1])
            return node(name, channelsLast ? .matMul(.init()) : .convolution(.init(window: window)), inputs, weights)
        }
        let window = Window(kernel: [2, 2], strides: [2, 2])
        var nodes = [
            node("conv", .convolution(.init(window: window)), "input", "kernels"),
            node("relu", .activation(.init(.relu)), "conv"),
        ]
        if channelsLast { nodes.append(node("last", .transpose(.init([0, 2, 3, 1])), "relu")) }
        nodes += [
            product("mm", channelsLast ? "last" : "relu", "first"), node("mmrelu", .activation(.init(.relu)), "mm"),
            product("mm2", "mmrelu", "second"),
        ]
        if channelsLast { nodes.append(node("planes", .transpose(.init([0, 3, 1, 2])), "mm2")) }
        nodes += [
            node("gap", .globalPooling(.init(.average)), channelsLast ? "planes" : "mm2"),
            node("flat", .flatten(.init(axis: 1)), "gap"),
            node("logits", .gemm(.init(transposeB: true)), "flat", "scores"),
            node("prob", .softmax(.init(axis: 1)), "logits"),
        ]
        var network = try TinyNetwork.network()
        network.graph = try Graph(
            name: "pair", inputs: network.graph.inputs, outputs: ["prob"], nodes: nodes,
            constants: [
                "kernels": try Tensor(kernels, shape: [12, 3, 2, 2]),
                "first": try Tensor(channelsLast ? first : turned(first), shape: shape),
                "second": try Tensor(channelsLast ? second : turned(second), shape: shape), "scores": scores,
            ])
        return network
    }

    @Test("Channels-last and channels-first networks leak equally: R² and SSIM agree to 0.01, KL to 1 %")
    func pair() throws {
        let pictures = try DrawnPictures(count: 40)
        let cuts = try [false, true].map { channelsLast in
            var configuration = try pictures.configuration()
            configuration.model = try Self.network(channelsLast: channelsLast)
            configuration.trainedCuts = .none
            configuration.measuresTime = false
            configuration.bounds.isAlways = false
            configuration.whiteBox.isAlways = false
            configuration.cuts = .named(["mmrelu"])
            return try Assessor(configuration).run().cuts[0]
        }
        let (first, last) = (cuts[0], cuts[1])
        #expect(first.decoder.rSquared > 0.5)
        #expect(abs(first.decoder.rSquared - last.decoder.rSquared) < 0.01)
        #expect(abs(first.decoder.similarity - last.decoder.similarity) < 0.01)
        #expect(first.decoder.trials.map(\.kind) == last.decoder.trials.map(\.kind))
        let kl = (try #require(first.channelKL).own, try #require(last.channelKL).own)
        #expect(zip(kl.0, kl.1).allSatisfy { abs($0 - $1) <= 0.01 * max($0, $1) + 1e-6 })
    }

    @Test("The second view is the last vector before the class scores, or else the class scores")
    func vectorCut() throws {
        #expect(try TinyNetwork.graph().vectorCut().name == "flat")
        let graph = try TinyNetwork.graph()
        var nodes = graph.nodes
        nodes[7] = Node(name: "logits", operation: nodes[7].operation, inputs: ["hidden", "w3"], outputs: ["h"])
        nodes.insert(
            contentsOf: [
                Node(name: "fc", operation: .gemm(.init(transposeB: true)), inputs: ["g", "w4"], outputs: ["fc"]),
                Node(name: "relu3", operation: .activation(.init(.relu)), inputs: ["fc"], outputs: ["hidden"]),
            ], at: 7)
        var constants = graph.constants
        constants["w4"] = try Tensor([Float](repeating: 0.5, count: 64), shape: [8, 8])
        let deeper = try Graph(
            name: graph.name, inputs: graph.inputs, outputs: graph.outputs, nodes: nodes, constants: constants)
        #expect(try deeper.vectorCut().name == "relu3")
    }
}
