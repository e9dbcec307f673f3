// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Preprocessing from the metadata of model files.
enum MetadataPreprocessing {
    /// The keys of Custom Vision and Windows ML.
    ///
    /// - Parameter shape: `[1, channels, height, width]`.
    /// - Source: Windows ML, "Image metadata" of ONNX models.
    static func preprocessing(_ metadata: [String: String], _ shape: Shape) throws -> Preprocessing? {
        guard let format = metadata["Image.BitmapPixelFormat"], [1, 3].contains(shape[1]) else { return nil }
        let channels: Preprocessing.Channels = shape[1] == 1 ? .grey : format.hasPrefix("Bgr") ? .bgr : .rgb
        switch metadata["Image.NominalPixelRange"] ?? "NominalRange_0_255" {
        case "NominalRange_0_255": return try centred(shape, channels, mean: 0, std: 1)
        case "Normalized_0_1": return try centred(shape, channels, mean: 0, std: 255)
        case "Normalized_1_1": return try centred(shape, channels, mean: 127.5, std: 127.5)
        default: return nil
        }
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
