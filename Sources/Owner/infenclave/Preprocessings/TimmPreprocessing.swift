// SPDX-License-Identifier: Apache-2.0
import Tensors

/// `config.json` of a timm model: its `pretrained_cfg`, or, in old files, the whole of it.
///
/// A member that is missing, or for which Python's `if` is false, has timm's default.
///
/// - Source: timm, `resolve_data_config`, `create_transform` for evaluation, `ResizeKeepRatio`, `CenterCropOrPad`.
struct TimmPreprocessing: Decodable {
    struct Settings: Decodable {
        let inputSize: [Int]?
        let interpolation: String?
        let cropPct: Double?
        let cropMode: String?
        let mean, std: [Float]?
    }

    let settings: Settings

    private enum CodingKeys: CodingKey { case pretrainedCfg }

    init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        settings =
            members.contains(.pretrainedCfg)
            ? try members.decode(Settings.self, forKey: .pretrainedCfg) : try Settings(from: decoder)
    }

    /// Whether the members of a JSON object, in snake case, are those of such a file.
    static func isMeant(by members: Set<String>) -> Bool {
        members.contains("pretrained_cfg")
            || members.contains("architecture") && !members.isDisjoint(with: ["num_classes", "num_features"])
                && !members.isDisjoint(with: ["input_size", "crop_pct", "crop_mode", "interpolation", "mean", "std"])
    }

    /// - Throws: `TensorError` that names the member and what to do about it.
    func preprocessing() throws -> Preprocessing {
        let size = settings.inputSize ?? [3, 224, 224]
        guard size.count == 3, size[1] > 0, size[2] > 0 else {
            throw TensorError(
                .malformed, "input_size is \(size), expected channels, height and width: write a preprocess.json")
        }
        let interpolation: Preprocessing.Interpolation
        switch Self.unlessEmpty(settings.interpolation) ?? "bicubic" {
        case "bilinear": interpolation = .bilinear
        case "bicubic": interpolation = .bicubic
        case let other:
            throw TensorError(
                .malformed, "interpolation is '\(other)', expected bilinear or bicubic: write a preprocess.json")
        }
        for (name, values) in [("mean", settings.mean), ("std", settings.std)] {
            guard let values, values.contains(where: { !(0...1).contains($0) }) else { continue }
            throw TensorError(
                .malformed, "\(name) is \(values), expected 0 to 1, of pixels from 0 to 1: write a preprocess.json")
        }
        let usual = PixelNormalization.imageNet
        let mean = Self.unlessEmpty(settings.mean)?.map { $0 * 255 } ?? usual.mean
        let std = Self.unlessEmpty(settings.std)?.map { $0 * 255 } ?? usual.std
        return try Preprocessing(
            width: size[2], height: size[1], channels: size[0] == 1 ? .grey : .rgb,
            resize: try resize(width: size[2], height: size[1], mean: mean), interpolation: interpolation, mean: mean,
            std: std)
    }

    private static func unlessEmpty<Value: Collection>(_ value: Value?) -> Value? {
        value.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The resize before the crop to this size.
    ///
    /// - Parameter mean: In pixel units; the frame of `border` has this colour.
    private func resize(width: Int, height: Int, mean: [Float]) throws -> Preprocessing.Resize {
        let share = settings.cropPct.flatMap { $0 == 0 ? nil : $0 } ?? 0.875
        guard share > 0, share <= 1 else {
            throw TensorError(
                .malformed, "crop_pct is \(share), expected more than 0, at most 1: write a preprocess.json")
        }
        let resizedWidth = try TransformersPreprocessing.pixels(width, over: share)
        let resizedHeight = try TransformersPreprocessing.pixels(height, over: share)
        switch Self.unlessEmpty(settings.cropMode) ?? "center" {
        case "center":
            guard resizedWidth == resizedHeight else {
                throw TensorError(
                    .malformed,
                    "crop_mode center with an input_size that is not square resizes in a way that is not supported: "
                        + "write a preprocess.json")
            }
            return .shorterSideLike(.torchvision, resizedHeight)
        case "squash":
            return resizedWidth == width && resizedHeight == height
                ? .stretch : .stretchToLike(.torchvision, width: resizedWidth, height: resizedHeight)
        case "border":
            let fills = Set(mean.map { $0.rounded(.toNearestOrEven) })
            guard resizedWidth == width, resizedHeight == height, fills.count == 1,
                let fill = fills.first.flatMap(UInt8.init(exactly:))
            else {
                throw TensorError(
                    .malformed,
                    "crop_mode border is supported with a crop_pct of 1 and one mean for all channels: "
                        + "write a preprocess.json")
            }
            return .letterbox(fill: fill)
        case let other:
            throw TensorError(
                .malformed, "crop_mode is '\(other)', expected center, squash or border: write a preprocess.json")
        }
    }
}
