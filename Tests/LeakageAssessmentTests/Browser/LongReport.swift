// SPDX-License-Identifier: Apache-2.0
import Imaging
import LeakageAssessment
import ModelGraph
import Tensors

/// A report with everything that it can contain: twenty cuts with long names, eight pictures, every warning. It is
/// always the same.
enum LongReport {
    static let cuts = 20

    static func result() throws -> AssessmentResult {
        let graph = try chain()
        let measured = try Measured.cuts(
            graph.cuts.prefix(cuts).enumerated().map { index, cut in
                let depth = Double(index) / Double(cuts - 1)
                return (cut.name, max(0.003, 0.98 - 1.05 * depth), index > 17 ? nil : (1 + 5 * depth, 4 + 2 * depth))
            }, of: graph, milliseconds: 40, bounds: bounds(),
            whiteBox: WhiteBoxScores(
                pictures: 4, rSquared: 0.01, rSquaredError: 0.01, similarity: 0.4, similarityOfMean: 0.1,
                residual: 0.003)
        )
        let pictures = try (0..<8).map { try picture(seed: UInt64($0 + 1), size: 112, blur: 0) }
        let gallery = try pictures.enumerated().map { number, picture in
            GalleryRow(
                name: "a_photograph_with_a_long_file_name_\(number).jpeg", original: picture,
                entries: try measured.enumerated().map { depth, cut in
                    let blurred = try self.picture(seed: UInt64(number + 1), size: 56, blur: depth)
                    return .init(
                        channelImage: cut.channelKL.map { (blurred, depth, $0.mean) }, reconstruction: blurred,
                        whiteBox: number < 4 ? blurred : nil)
                })
        }
        return try Measured.result(
            measured, name: "a-network-whose-file-name-is-long-too-v2.1-final",
            warnings: [
                "The validator is unsure (p < 0.80) of 23 of the 60 pictures of the channel KL: their baseline is near 0 and "
                    + "passes anything. The decoders are not affected.",
                "After 'features.block03.layer1.conv2_activation' four times the pictures gained 0.09 R²: more pictures "
                    + "would find more.",
            ], gallery: gallery, mapping: (graph.cuts[cuts].name, cuts + 1),
            whole: CutCost(
                multiplyAddsInside: 22_000, multiplyAdds: 22_000, parametersInside: 10, boundaryBytes: 0,
                frontMilliseconds: 38, backMilliseconds: 0, enclaveBytes: 150_000_000))
    }

    private static func bounds() -> LeakageBounds {
        var generator = SeededGenerator(seed: 3)
        func probes() -> [[Double]] { (0..<50).map { _ in (0..<4).map { _ in 500 + 100 * generator.uniform() } } }
        let crossing = (0..<50).map { _ in (0..<40).map { _ in Float(generator.normal()) } }
        return LeakageBounds(
            pixelProbes: probes(), thumbnailProbes: probes(), pixels: 150_528, thumbnailPixels: 588, area: 256,
            rootMeanSquare: 1, candidates: CandidateSet(gram: GramMatrix.of(crossing)), seed: 1)
    }

    private static func chain() throws -> Graph {
        let type = TensorType(.float32, try Shape([1, 3, 16, 16]))
        let nodes = (0..<cuts + 2).map { index in
            Node(
                name: "features.block\(index < 10 ? "0" : "")\(index).layer1.conv2_activation",
                operation: .activation(.init(.relu)), inputs: [index == 0 ? "input" : "v\(index - 1)"],
                outputs: ["v\(index)"])
        }
        return try Graph(
            name: "chain", inputs: [Value(name: "input", type: type)], outputs: ["v\(cuts + 1)"], nodes: nodes,
            constants: [:])
    }

    /// Coloured stripes and noise; more `blur` leaves less contrast.
    private static func picture(seed: UInt64, size: Int, blur: Int) throws -> Image {
        var generator = SeededGenerator(seed: seed)
        let contrast = 1 - Double(blur) / 24
        let pixels = (0..<size * size * 3).map { index -> UInt8 in
            let (column, row) = (index / 3 % size, index / 3 / size)
            let stripe = (column * 112 / size / 14 + row * 112 / size / 28 * Int(seed)) % 3 == index % 3 ? 90.0 : -50.0
            return UInt8(127 + contrast * (stripe + 20 * generator.uniform()))
        }
        return try Image(width: size, height: size, channels: 3, pixels: pixels)
    }
}
