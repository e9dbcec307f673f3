// SPDX-License-Identifier: Apache-2.0
package import Evidence
import Glibc
package import ModelGraph
package import Tensors

/// A classifier of 2x2 pictures of two channels into three classes, small enough to compute by hand:
/// a = relu(first(x)), b = second(a), logits = mean of third(a + b). The value `a` is used after the BackNet too, so it
/// is sent and retained.
package struct TinyModel: BundledModel {
    /// Whether the BackNet is empty.
    package let isAllInside: Bool
    package var classNames = ["cat", "sulphur-crested cockatoo", "dog"]
    package var topK = 2
    /// Of the noise on the boundary.
    package var sigma: NoiseDeviation?
    /// The factor of the last layer's weights.
    package var gain: Float = 1
    /// Whether clients may send f32 tensors.
    package var acceptsFloats = true
    /// Zeros that the FrontNet holds besides, one of which it adds: for parts of some size.
    package var ballast = 0
    /// Eight numbers that the FrontNet adds to the first convolution's result.
    package var addend: Tensor?

    package init(isAllInside: Bool, sigma: NoiseDeviation? = nil) {
        self.isAllInside = isAllInside
        self.sigma = sigma
    }

    package static let first: [[Float]] = [[1, 0], [0.5, 1]]
    package static let second: [[Float]] = [[2, 1], [-1, 1]]
    package static let third: [[Float]] = [[1, 0], [0, 1], [0.65, 0.6]]
    package static let bias: [Float] = [0.5, -0.25]

    package static func normalization() throws -> PixelNormalization {
        try PixelNormalization(mean: [128, 100], std: [64, 32])
    }

    private func graph() throws -> Graph {
        func weights(_ rows: [[Float]], times gain: Float = 1) throws -> Tensor {
            try Tensor(rows.flatMap { $0 }.map { $0 * gain }, shape: [rows.count, rows[0].count, 1, 1])
        }
        let convolution = Operation.convolution(Convolution(window: Window(kernel: [1, 1])))
        let isHeavy = ballast > 0 || addend != nil
        let slice = Node(
            name: "zero", operation: .slice(Slice(starts: [0], ends: [1], axes: [0], steps: [1])), inputs: ["ballast"],
            outputs: ["z"])
        let heavy =
            (addend == nil ? [slice] : []) + [
                Node(name: "lift", operation: .arithmetic(Arithmetic(.add)), inputs: ["t", "z"], outputs: ["u"])
            ]
        let zeros =
            try addend.map { ["z": $0] }
            ?? (ballast > 0
                ? ["ballast": try Tensor([0] + [Float](repeating: 0.1, count: ballast - 1), shape: [ballast])] : [:])
        return try Graph(
            name: "tiny", inputs: [Value(name: "x", type: TensorType(.float32, try Shape([1, 2, 2, 2])))],
            outputs: ["logits"],
            nodes: [
                Node(
                    name: "first", operation: convolution, inputs: ["x", "w1", "bias"],
                    outputs: [isHeavy ? "t" : "u"])
            ] + (isHeavy ? heavy : []) + [
                Node(name: "relu", operation: .activation(Activation(.relu)), inputs: ["u"], outputs: ["a"]),
                Node(name: "second", operation: convolution, inputs: ["a", "w2"], outputs: ["b"]),
                Node(name: "sum", operation: .arithmetic(Arithmetic(.add)), inputs: ["a", "b"], outputs: ["c"]),
                Node(name: "third", operation: convolution, inputs: ["c", "w3"], outputs: ["d"]),
                Node(name: "mean", operation: .globalPooling(GlobalPooling(.average)), inputs: ["d"], outputs: ["e"]),
                Node(name: "flat", operation: .flatten(Flatten()), inputs: ["e"], outputs: ["logits"]),
            ],
            constants: [
                "w1": try weights(Self.first), "w2": try weights(Self.second),
                "w3": try weights(Self.third, times: gain), "bias": try Tensor(Self.bias, shape: [2]),
            ].merging(zeros) { first, _ in first })
    }

    package func partition() throws -> TernaryPartition {
        let graph = try graph()
        let front = try graph.cut(named: "relu")
        return try graph.partitioned(front: front, mapping: isAllInside ? front : try graph.cut(named: "second"))
    }

    /// The first cut, if there is a boundary tensor.
    package func backNetGraph() throws -> Graph {
        guard let graph = try partition().back else { preconditionFailure("all layers are inside") }
        return graph
    }

    package func frontNetPart() throws -> FrontNetPart {
        let partition = try partition()
        return try FrontNetPart(
            graph: partition.front, normalization: try Self.normalization(), boundaryCount: partition.backInputs.count,
            acceptsFloats: acceptsFloats, sigma: sigma)
    }

    package func mappingUnitPart() throws -> MappingUnitPart {
        try MappingUnitPart(
            graph: try partition().mapping, appliesSoftmax: true, classNames: classNames, topK: topK)
    }

    /// The facts that an honest owner signs.
    package func facts() throws -> ServiceFacts {
        let crossing = isAllInside ? [] : [TensorType(.float32, try Shape([1, 2, 2, 2]))]
        return try ServiceFacts(
            acceptsFloats: acceptsFloats, precision: .float32, channels: 2, height: 2, width: 2,
            classes: classNames.count, topK: topK, sigma: isAllInside ? nil : sigma, toHost: crossing,
            fromHost: crossing)
    }

    /// 1x1 convolution of `pixels` in planes of four.
    private static func convolve(_ pixels: [Double], _ rows: [[Float]], bias: [Float]? = nil) -> [Double] {
        rows.enumerated().flatMap { output, row in
            (0..<4).map { pixel in
                row.enumerated().reduce(Double(bias?[output] ?? 0)) {
                    $0 + Double($1.element) * pixels[4 * $1.offset + pixel]
                }
            }
        }
    }

    /// The FrontNet's result for a normalised picture.
    package static func boundary(_ input: [Double]) -> [Double] {
        convolve(input, first, bias: bias).map { max($0, 0) }
    }

    /// The BackNet's result for the boundary tensor.
    package static func backNet(_ boundary: [Double]) -> [Double] { convolve(boundary, second) }

    /// The probabilities of the whole network.
    package static func probabilities(_ input: [Double]) -> [Double] {
        let a = boundary(input)
        let scores = convolve(zip(a, backNet(a)).map(+), third)
        let logits = (0..<3).map { scores[4 * $0..<4 * $0 + 4].reduce(0, +) / 4 }
        let exponentials = logits.map { exp($0) }
        return exponentials.map { $0 / exponentials.reduce(0, +) }
    }
}
