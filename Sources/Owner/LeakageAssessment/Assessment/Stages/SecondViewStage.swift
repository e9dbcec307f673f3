// SPDX-License-Identifier: Apache-2.0
internal import Imaging
package import ModelGraph
internal import Tensors

/// A second network's features of the decoders' images: what an attacker with candidate images compares. One view of
/// each image, and one of an altered version: seven eighths of it, mirrored, recoloured.
///
/// - Source: design notes, section 6 (identification by another public network's features).
enum SecondViewStage {
    struct Views: Sendable, Codable {
        /// Inner products, `[2 pictures, 2 pictures]`: the images, then the altered versions.
        fileprivate let products: [Double]

        var gram: SymmetricMatrix {
            let size = Int(Double(products.count).squareRoot().rounded())
            var gram = SymmetricMatrix(size: size)
            for row in 0..<size { for column in row..<size { gram[row, column] = products[row * size + column] } }
            return gram
        }
    }

    /// Inner products of the views, computed on demand.
    static func views(_ context: StageContext) -> Lazily<SymmetricMatrix> {
        Lazily { () throws(AssessmentError) in try run(context).gram }
    }

    private static func run(_ context: StageContext) throws(AssessmentError) -> Views {
        try context.work.result(of: context.inputs.key("views", pictures: context.decodedDigests)) {
            () throws(AssessmentError) in try compute(context)
        }
    }

    private static func compute(_ context: StageContext) throws(AssessmentError) -> Views {
        let network = context.validator
        let cut = try network.graph.vectorCut()
        let length = cut.crossing.reduce(0) { $0 + network.graph.type(of: $1).shape.elementCount }
        let count = context.decoded
        let views = try RecordStore<Float>(count: 2 * count, length: length, in: context.scratch)
        let preprocessor = Preprocessor(network.preprocessing)
        _ = try WorkerThreads<Void>.map(count: count, threads: context.threads) { () throws(AssessmentError) in
            try CutProbe(network, cuts: [cut])
        } body: { (probe, picture) throws(AssessmentError) in
            try context.cancellation.check()
            let name = context.pictures.entries[picture].name
            let image = try context.pictures.original(picture)
            for (offset, version) in [image, try otherVersion(of: image, name)].enumerated() {
                let input: Tensor
                do throws(ImagingError) { input = try preprocessor.tensor(of: version) } catch {
                    throw AssessmentError(.file, "\(name): \(error.message)")
                }
                let values = try probe.crossing(of: input)[0].flatMap { $0.withElements(as: Float.self) { Array($0) } }
                try views.write(values, at: picture + offset * count)
            }
        }
        // Features of one network differ widely in scale; the square root keeps a few from dominating the comparison.
        let gram = GramMatrix.of(
            (0..<2 * count).map { views.record($0).map { $0 < 0 ? -(-$0).squareRoot() : $0.squareRoot() } })
        try views.check()
        return Views(products: gram.full)
    }

    /// Another version of an image, of the same size, so that every preprocessing accepts it.
    private static func otherVersion(of image: Image, _ name: String) throws(AssessmentError) -> Image {
        let (width, height) = (max(1, image.width * 7 / 8), max(1, image.height * 7 / 8))
        do throws(ImagingError) {
            let scaled = try image.cropped(left: 0, top: 0, width: width, height: height)
                .resized(width: image.width, height: image.height, .bilinear)
            let row = image.width * image.channels
            var pixels = scaled.pixels
            for y in 0..<image.height {
                for x in 0..<image.width {
                    for channel in 0..<image.channels {
                        let value = scaled.pixels[y * row + (image.width - 1 - x) * image.channels + channel]
                        // Warmer and darker.
                        let gain = [0.95, 0.85, 0.7, 1][min(channel, 3)]
                        pixels[y * row + x * image.channels + channel] = UInt8(Double(value) * gain)
                    }
                }
            }
            return try Image(width: image.width, height: image.height, channels: image.channels, pixels: pixels)
        } catch { throw AssessmentError(.file, "\(name): \(error.message)") }
    }
}

extension Graph {
    /// The cut before the last layer, if a vector crosses there; else the deepest where a vector crosses, or
    /// the cut of the class scores.
    package func vectorCut() throws(AssessmentError) -> Cut {
        let mapping = try mappingCut()
        let vectors = assessableCuts.filter { cut in
            cut.nodesInside < mapping.nodesInside && cut.crossing.allSatisfy { mapLayout(of: $0) == nil }
        }
        return vectors.last ?? mapping
    }
}
