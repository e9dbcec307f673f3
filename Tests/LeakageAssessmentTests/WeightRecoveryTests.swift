// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment
import ModelGraph
import Tensors
import Testing

@Suite("Number of chosen requests that determine the FrontNet's weights")
struct WeightRecoveryTests {
    private static func tensor(_ shape: [Int]) throws -> Tensor {
        try Tensor([Float](repeating: 1, count: shape.reduce(1, *)), shape: shape)
    }

    private static func convolution(_ name: String, _ window: Window, _ inputs: [String]) -> Node {
        Node(name: name, operation: .convolution(.init(window: window)), inputs: inputs, outputs: [name + ".out"])
    }

    /// A chain whose last node is the cut.
    private static func recovery(
        _ input: [Int], _ nodes: [Node], _ constants: [String: [Int]]
    ) throws -> WeightRecovery {
        let graph = try Graph(
            name: "front", inputs: [Value(name: "x", type: TensorType(.float32, Shape(input)))],
            outputs: [nodes[nodes.count - 1].outputs[0]], nodes: nodes, constants: constants.mapValues(tensor))
        return WeightRecovery(of: graph, inside: graph.cuts[nodes.count - 1])
    }

    @Test(
        "The count for a small network equals the manual count at every cut",
        arguments: [
            // conv1 has 6 x 3 x 3 x 3 weights, conv2 8 x 6 x 3 x 3, logits 4 x 8. A ReLU hides one scale a channel.
            ("conv1", 162, 1536, 1, 7), ("relu1", 162, 1536, 1, 7), ("pool1", 162, 384, 1, nil),
            ("relu2", 162 - 6 + 432, 512, 2, nil), ("gap", 588, 8, 74, nil),
            ("logits", 162 - 6 + 432 - 8 + 32, 4, 153, nil),
        ] as [(String, Int, Int, Int, Int?)])
    func byHand(front: String, unknowns: Int, floats: Int, least: Int, impulses: Int?) throws {
        let graph = try TinyNetwork.graph()
        let found = WeightRecovery(of: graph, inside: try graph.cut(named: front))
        #expect(found.unknowns == unknowns)
        #expect(found.floatsPerRequest == floats)
        #expect(found.leastRequests == least)
        #expect(found.impulseRequests == impulses)
        #expect(found.underNoise.impulseRequests == nil && found.underNoise.leastRequests == least)
    }

    @Test("Batch normalisation is folded: one bias per channel, and none if the convolution has its own")
    func folded() throws {
        let three = Window(kernel: [3, 3], pads: [1, 1, 1, 1])
        let normalization = Node(
            name: "bn", operation: .batchNormalization(.init(epsilon: 1e-5)),
            inputs: ["conv.out", "s", "b", "m", "v"], outputs: ["bn.out"])
        let relu = Node(name: "relu", operation: .activation(.init(.relu)), inputs: ["bn.out"], outputs: ["y"])
        var constants = ["w": [16, 3, 3, 3], "s": [16], "b": [16], "m": [16], "v": [16]]
        let bare = try Self.recovery(
            [1, 3, 32, 32], [Self.convolution("conv", three, ["x", "w"]), normalization, relu], constants)
        // 16 x 3 x 3 x 3 weights and 16 biases; 16 x 32 x 32 floats.
        #expect(bare.unknowns == 448 && bare.floatsPerRequest == 16384)
        #expect(bare.leastRequests == 1 && bare.impulseRequests == 7)
        constants["own"] = [16]
        let biased = try Self.recovery(
            [1, 3, 32, 32], [Self.convolution("conv", three, ["x", "w", "own"]), normalization, relu], constants)
        #expect(biased.unknowns == 448)
    }

    @Test("Successive linear layers count as their product")
    func linear() throws {
        let one = Window(kernel: [1, 1])
        // A 4 x 3 matrix of rank 2 has 2 (4 + 3 - 2) degrees of freedom.
        let found = try Self.recovery(
            [1, 3, 2, 1], [Self.convolution("a", one, ["x", "w1"]), Self.convolution("b", one, ["a.out", "w2"])],
            ["w1": [2, 3, 1, 1], "w2": [4, 2, 1, 1]])
        #expect(found.unknowns == 10)
        #expect(found.leastRequests == 2)
    }

    @Test(
        "Only kernel positions that overlap the input are counted",
        arguments: [(1, 1, 1, 1), (2, 1, 1, 9), (1, 2, 2, 1), (2, 4, 4, 1), (3, 2, 2, 9), (8, 1, 1, 9)])
    func padding(extent: Int, dilation: Int, pad: Int, positions: Int) throws {
        let window = Window(
            kernel: [3, 3], dilations: [dilation, dilation], pads: [Int](repeating: pad, count: 4))
        let found = try Self.recovery(
            [1, 2, extent, extent], [Self.convolution("a", window, ["x", "w"])], ["w": [5, 2, 3, 3]])
        #expect(found.unknowns == 10 * positions)
    }

    @Test("Weights shared by two layers are counted once, and a FrontNet without weights needs no request")
    func shared() throws {
        let one = Window(kernel: [1, 1])
        let relu = Node(name: "relu", operation: .activation(.init(.relu)), inputs: ["a.out"], outputs: ["r"])
        let found = try Self.recovery(
            [1, 3, 2, 2], [Self.convolution("a", one, ["x", "w"]), relu, Self.convolution("b", one, ["r", "w"])],
            ["w": [3, 3, 1, 1]])
        #expect(found.unknowns == 9)
        let none = try Self.recovery(
            [1, 3, 2, 2], [Node(name: "r", operation: .activation(.init(.relu)), inputs: ["x"], outputs: ["y"])], [:])
        #expect(none.unknowns == 0 && none.leastRequests == 0)
        #expect(none.sentence.contains("no weights"))
    }

    @Test("2 c + 1 requests with impulses recover a convolution with bias and ReLU")
    func impulses() throws {
        let front = try NaiveFront(seed: 5)
        let window = Window(kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1])
        let relu = Node(name: "relu", operation: .activation(.init(.relu)), inputs: ["conv.out"], outputs: ["y"])
        let counted = try Self.recovery(
            [1, 3, 24, 24], [Self.convolution("conv", window, ["x", "w", "b"]), relu], ["w": [4, 3, 3, 3], "b": [4]])
        let (weights, requests) = front.recovered()
        #expect(counted.impulseRequests == requests && requests == 7)
        let scale = front.weights.map(abs).max() ?? 0
        let worst = zip(weights, front.weights).map { abs($0 - $1) }.max() ?? .infinity
        #expect(worst < 1e-3 * scale)
    }

    @Test("Report, JSON and text give the number for the plan and for the next faster one")
    func report() throws {
        let cuts = try Measured.cuts([("relu1", 0.9, (1, 2)), ("pool1", 0.6, (1.5, 2)), ("relu2", 0.004, (3, 3))])
        let result = try Measured.result(cuts)
        #expect(result.recommendation.front == "relu2")
        #expect(result.recommendedWeights?.leastRequests == 2)
        let page = try ReportPage.html(of: result)
        #expect(page.contains("at least 2 chosen requests") && page.contains("588 unknowns"))
        let data = Data(AssessmentJSON.text(of: result).utf8)
        let document = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let decision = try #require(document["recommendation"] as? [String: Any])
        let weights = try #require(decision["weights"] as? [String: Any])
        #expect(weights["unknowns"] as? Int == 588 && weights["floatsPerRequest"] as? Int == 512)
        #expect(weights["leastRequests"] as? Int == 2 && weights["impulseRequests"] is NSNull)
        let first = try #require((document["cuts"] as? [[String: Any]])?.first?["weights"] as? [String: Any])
        #expect(first["impulseRequests"] as? Int == 7)
        if let faster = result.recommendation.nextFaster {
            #expect(result.nextFasterWeights == cuts.first { $0.name == faster.front }?.weights)
            #expect(page.contains("Under the next faster plan"))
            #expect(decision["nextFasterWeights"] is [String: Any])
        }
        let inside = try Measured.result(Measured.cuts([("relu1", 0.9, (1, 2))]))
        #expect(inside.recommendedWeights == nil)
        #expect(try ReportPage.html(of: inside).contains("Nothing crosses, so requests reveal"))
    }
}

/// A convolution of 3 x 24 x 24 by 4 x 3 x 3 x 3 with stride 2 and padding 1, a bias and ReLU, and the host with a client
/// who asks it.
private struct NaiveFront {
    let weights: [Float]
    let biases: [Float]
    private static let extent = 24
    private static let height: Float = 1000

    init(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        weights = (0..<4 * 27).map { _ in Float(generator.normal()) }
        biases = [0.5, -0.7, 1.25, -2]
    }

    /// 4 x 12 x 12 floats.
    private func answer(_ picture: [Float]) -> [Float] {
        let extent = Self.extent
        return (0..<4 * 144).map { index in
            let (output, row, column) = (index / 144, index / 12 % 12, index % 12)
            var sum = biases[output]
            for position in 0..<27 {
                let (channel, y, x) = (
                    position / 9, 2 * row - 1 + position / 3 % 3, 2 * column - 1 + position % 3
                )
                guard (0..<extent).contains(y), (0..<extent).contains(x) else { continue }
                sum += weights[27 * output + position] * picture[extent * (extent * channel + y) + x]
            }
            return max(0, sum)
        }
    }

    /// Where the element of a phase and a height lies: in a grid of slots of 4, from 4 on.
    private static func place(_ phase: (y: Int, x: Int), double: Bool) -> (y: Int, x: Int) {
        let slot = 2 * (2 * phase.y + phase.x) + (double ? 1 : 0)
        return (4 + 4 * (slot / 4) + phase.y, 4 + 4 * (slot % 4) + phase.x)
    }

    /// The weights that host and client recover, and the number of requests.
    func recovered() -> (weights: [Float], requests: Int) {
        let (extent, height) = (Self.extent, Self.height)
        let phases = [(0, 0), (0, 1), (1, 0), (1, 1)]
        let nothing = answer([Float](repeating: 0, count: 3 * extent * extent))
        var requests = 1
        var found = [Float](repeating: 0, count: weights.count)
        for channel in 0..<3 {
            let answers = [Float(1), -1].map { sign in
                var picture = [Float](repeating: 0, count: 3 * extent * extent)
                for phase in phases {
                    for double in [false, true] {
                        let place = Self.place(phase, double: double)
                        picture[extent * (extent * channel + place.y) + place.x] = sign * (double ? 2 : 1) * height
                    }
                }
                requests += 1
                return answer(picture)
            }
            for output in 0..<4 {
                let bias = nothing[144 * output + 13]
                for position in 0..<9 {
                    let (y, x) = (position / 3, position % 3)
                    // The row of the result is (place + 1 - y) / 2, so the phase is the one with an integer row.
                    let phase = ((1 + y) % 2, (1 + x) % 2)
                    func seen(_ answer: [Float], _ double: Bool) -> Float {
                        let place = Self.place(phase, double: double)
                        return answer[144 * output + 12 * ((place.y + 1 - y) / 2) + (place.x + 1 - x) / 2]
                    }
                    let slopes = answers.map { answer -> Float in
                        let (single, double) = (seen(answer, false), seen(answer, true))
                        // Where the bias is seen by itself, one height is enough.
                        return single > 0 ? (bias > 0 ? single - bias : double - single) / height : 0
                    }
                    found[27 * output + 9 * channel + position] = slopes[0] > 0 ? slopes[0] : -slopes[1]
                }
            }
        }
        return (found, requests)
    }
}
