// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// `preprocessor_config.json` of Hugging Face's transformers.
///
/// - Source: transformers, image processors of ViT, ConvNeXt, EfficientNet and others.
struct TransformersPreprocessing: Decodable {
    private enum Size: Decodable {
        case shorterSide(Int)
        case exact(width: Int, height: Int)

        init(from decoder: any Decoder) throws {
            if let side = try? decoder.singleValueContainer().decode(Int.self) {
                self = .exact(width: side, height: side)
                return
            }
            struct Members: Decodable { let height, width, shortestEdge: Int? }
            let members = try Members(from: decoder)
            if let height = members.height, let width = members.width {
                self = .exact(width: width, height: height)
            } else if let side = members.shortestEdge {
                self = .shorterSide(side)
            } else {
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: decoder.codingPath,
                        debugDescription: "a size needs height and width, or shortest_edge"))
            }
        }
    }

    private let doResize, doCenterCrop, doRescale, doNormalize: Bool?
    private let size, cropSize: Size?
    private let cropPct, rescaleFactor: Double?
    private let resample: Int?
    private let imageMean, imageStd: [Float]?
    private let imageProcessorType, featureExtractorType: String?

    func preprocessing() throws -> Preprocessing {
        let interpolation: Preprocessing.Interpolation
        switch resample ?? 2 {
        case 2: interpolation = .bilinear
        case 3: interpolation = .bicubic
        case let other:
            throw TensorError(
                .malformed, "resample is \(other), expected 2 (bilinear) or 3 (bicubic): write a preprocess.json")
        }
        let (width, height, resize) = try sizes()
        let factor = doRescale ?? true ? Float(rescaleFactor ?? 1 / 255) : 1
        let normalizes = doNormalize ?? true
        let mean = normalizes ? imageMean ?? [0.5, 0.5, 0.5] : [0, 0, 0]
        let std = normalizes ? imageStd ?? [0.5, 0.5, 0.5] : [1, 1, 1]
        return try Preprocessing(
            width: width, height: height, channels: mean.count == 1 ? .grey : .rgb, resize: resize,
            interpolation: interpolation, mean: mean.map { $0 / factor }, std: std.map { $0 / factor })
    }

    /// The side length whose fraction `share` is `side`, rounded down.
    static func pixels(_ side: Int, over share: Double) throws -> Int {
        let value = Double(side) / share
        guard value >= 0, value < 1e6 else {
            throw TensorError(.malformed, "a crop of \(side) pixels is a share of \(share)")
        }
        return Int(value)
    }

    private func sizes() throws -> (width: Int, height: Int, resize: Preprocessing.Resize) {
        guard let size else { throw TensorError(.malformed, "'size' is missing") }
        // ConvNeXt crops a fraction of small images only.
        if let share = cropPct
            ?? ((imageProcessorType ?? featureExtractorType ?? "").hasPrefix("ConvNext") ? 0.875 : nil),
            case .shorterSide(let side) = size, share > 0
        {
            return side < 384
                ? (side, side, .shorterSideLike(.transformers, try Self.pixels(side, over: share)))
                : (side, side, .stretch)
        }
        var crop: (width: Int, height: Int)?
        if doCenterCrop ?? false, let cropSize, case .exact(let width, let height) = cropSize {
            crop = (width, height)
        }
        guard doResize ?? true else {
            guard case .exact(let width, let height) = size else {
                throw TensorError(.malformed, "the size is not exact")
            }
            return (crop?.width ?? width, crop?.height ?? height, .none)
        }
        switch size {
        case .exact(let width, let height):
            guard let crop, crop != (width, height) else { return (width, height, .stretch) }
            return (crop.width, crop.height, .stretchTo(width: width, height: height))
        case .shorterSide(let side):
            return (crop?.width ?? side, crop?.height ?? side, .shorterSideLike(.transformers, side))
        }
    }
}

/// `config.json` of a timm model: its `pretrainedCfg`.
///
/// - Source: timm, `create_transform` for evaluation.
struct TimmPreprocessing: Decodable {
    struct Settings: Decodable {
        let inputSize: [Int]?
        let interpolation: String?
        let cropPct: Double?
        let cropMode: String?
        let mean, std: [Float]?
    }

    let pretrainedCfg: Settings

    func preprocessing() throws -> Preprocessing {
        let size = pretrainedCfg.inputSize ?? [3, 224, 224]
        guard size.count == 3 else { throw TensorError(.malformed, "input_size is \(size), expected 3 extents") }
        let interpolation: Preprocessing.Interpolation
        switch pretrainedCfg.interpolation ?? "bilinear" {
        case "bilinear": interpolation = .bilinear
        case "bicubic": interpolation = .bicubic
        case let other:
            throw TensorError(
                .malformed, "interpolation is '\(other)', expected bilinear or bicubic: write a preprocess.json")
        }
        let share = pretrainedCfg.cropPct ?? 0.875
        guard share > 0, share <= 1 else { throw TensorError(.malformed, "crop_pct is \(share)") }
        let height = try TransformersPreprocessing.pixels(size[1], over: share)
        let width = try TransformersPreprocessing.pixels(size[2], over: share)
        let resize: Preprocessing.Resize
        switch pretrainedCfg.cropMode ?? "center" {
        case "center" where size[1] == size[2]: resize = .shorterSideLike(.torchvision, height)
        case "squash": resize = .stretchTo(width: width, height: height)
        case let other:
            throw TensorError(.malformed, "crop_mode is '\(other)', expected center or squash: write a preprocess.json")
        }
        let usual = PixelNormalization.imageNet
        return try Preprocessing(
            width: size[2], height: size[1], channels: size[0] == 1 ? .grey : .rgb, resize: resize,
            interpolation: interpolation, mean: pretrainedCfg.mean.map { $0.map { $0 * 255 } } ?? usual.mean,
            std: pretrainedCfg.std.map { $0.map { $0 * 255 } } ?? usual.std)
    }
}
