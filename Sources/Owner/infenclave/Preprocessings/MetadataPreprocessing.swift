// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Preprocessing from the metadata of model files.
enum MetadataPreprocessing {
    /// The keys of Custom Vision and Windows ML.
    ///
    /// - Parameter shape: `[1, channels, height, width]`.
    /// - Returns: `nil` without `Image.BitmapPixelFormat`, or for an input that is no picture.
    /// - Throws: ``CommandFailure`` for a value that is not supported.
    /// - Source: Windows ML, "Image metadata" of ONNX models.
    static func preprocessing(_ metadata: [String: String], _ shape: Shape) throws -> Preprocessing? {
        let formatKey = "Image.BitmapPixelFormat"
        guard let format = metadata[formatKey], [1, 3].contains(shape[1]) else { return nil }
        let channels: Preprocessing.Channels =
            switch format {
            case "Gray8": .grey
            case "Bgr8", "Bgra8": .bgr
            case "Rgb8", "Rgba8": .rgb
            default: throw refusal(formatKey, format, expected: "Gray8, Rgb8, Rgba8, Bgr8 or Bgra8")
            }
        guard channels.count == shape[1] else {
            throw refusal(formatKey, format, expected: "a format of \(shape[1]) channels, as its input \(shape) has")
        }
        let gammaKey = "Image.ColorSpaceGamma"
        if let gamma = metadata[gammaKey], gamma.lowercased() != "srgb" {
            throw refusal(gammaKey, gamma, expected: "SRGB")
        }
        let rangeKey = "Image.NominalPixelRange"
        let range = metadata[rangeKey] ?? "NominalRange_0_255"
        switch range {
        case "NominalRange_0_255": return try centred(shape, channels, mean: 0, std: 1)
        case "Normalized_0_1": return try centred(shape, channels, mean: 0, std: 255)
        case "Normalized_1_1": return try centred(shape, channels, mean: 127.5, std: 127.5)
        default: throw refusal(rangeKey, range, expected: "NominalRange_0_255, Normalized_0_1 or Normalized_1_1")
        }
    }

    private static func refusal(_ key: String, _ value: String, expected: String) -> CommandFailure {
        CommandFailure(
            "preprocess", "the model's metadata have \(key) '\(value.prefix(80))', expected \(expected)",
            remedy: "describe how the model takes pictures: --preprocess FILE, a preprocess.json "
                + "(Documentation/deploying.md)")
    }

    /// The centre of the image with an eighth cut off, with one mean and standard deviation.
    static func centred(
        _ shape: Shape, _ channels: Preprocessing.Channels, mean: Float, std: Float
    ) throws -> Preprocessing {
        let side = min(shape[2], shape[3])
        let count = channels.count
        return try Preprocessing(
            width: shape[3], height: shape[2], channels: channels,
            resize: shape[2] == shape[3] && side >= 64
                ? .shorterSideLike(.torchvision, (side * 8 + 6) / 7) : .stretch,
            interpolation: .bilinear, mean: [Float](repeating: mean, count: count),
            std: [Float](repeating: std, count: count))
    }
}
