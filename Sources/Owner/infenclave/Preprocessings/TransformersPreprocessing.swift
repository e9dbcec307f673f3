// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// `preprocessor_config.json` of Hugging Face's transformers.
///
/// Members whose meaning or default depends on the class are read as its class does.
///
/// - Source: transformers, image processors of BiT, CLIP, ConvNeXt, EfficientNet, LeViT, MobileNet, MobileViT, Perceiver,
///   PoolFormer, SigLIP, ViT and others.
struct TransformersPreprocessing: Decodable {
    private enum Size: Decodable {
        /// A single number, which is the shorter side for some classes and both sides for the others.
        case side(Int)
        case shorterSide(Int)
        case exact(width: Int, height: Int)

        init(from decoder: any Decoder) throws {
            if let side = try? decoder.singleValueContainer().decode(Int.self) {
                self = .side(side)
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

    /// The classes that are not like ViT's.
    private enum Class: String, CaseIterable {
        case bit = "Bit"
        case chineseCLIP = "ChineseCLIP"
        case clip = "CLIP"
        case convNeXt = "ConvNext"
        case efficientNet = "EfficientNet"
        case leViT = "Levit"
        case mobileNet = "MobileNetV"
        case mobileViT = "MobileViT"
        case perceiver = "Perceiver"
        case poolFormer = "PoolFormer"
        case sigLIP = "SiglipImage"

        /// Whether a single number is the length of the shorter side.
        var keepsAspect: Bool { self != .efficientNet && self != .perceiver }
        /// Whether the centre is cropped if the file does not say so.
        var crops: Bool { ![.convNeXt, .efficientNet, .sigLIP].contains(self) }
    }

    private let doResize, doCenterCrop, doRescale, doNormalize, doFlipChannelOrder: Bool?
    private let rescaleOffset, includeTop: Bool?
    private let size, cropSize: Size?
    private let cropPct, rescaleFactor: Double?
    private let resample: Int?
    private let imageMean, imageStd: [Float]?
    private let imageProcessorType, featureExtractorType: String?

    private var type: Class? {
        let name = imageProcessorType ?? featureExtractorType ?? ""
        return Class.allCases.first { name.hasPrefix($0.rawValue) }
    }

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
        let offset: Float = rescaleOffset ?? false ? 1 : 0
        // MobileViT ignores mean and deviation.
        let normalizes = type != .mobileViT && doNormalize ?? true
        let deviation = imageStd ?? [0.5, 0.5, 0.5]
        let mean = normalizes ? imageMean ?? [0.5, 0.5, 0.5] : [Float](repeating: 0, count: deviation.count)
        var std = normalizes ? deviation : [Float](repeating: 1, count: mean.count)
        // EfficientNet's classifiers divide by the deviation once more.
        if type == .efficientNet, includeTop ?? true { std = zip(std, deviation).map { $0 * $1 } }
        let flips = doFlipChannelOrder ?? (type == .mobileViT)
        return try Preprocessing(
            width: width, height: height, channels: mean.count == 1 ? .grey : flips ? .bgr : .rgb, resize: resize,
            interpolation: interpolation, mean: mean.map { ($0 + offset) / factor }, std: std.map { $0 / factor })
    }

    /// The side length whose fraction `share` is `side`, rounded down.
    static func pixels(_ side: Int, over share: Double) throws -> Int {
        let value = Double(side) / share
        guard value >= 0, value < 1e6 else {
            throw TensorError(.malformed, "a crop of \(side) pixels is a share of \(share)")
        }
        return Int(value)
    }

    private func resolved(_ size: Size, keepsAspect: Bool) -> Size {
        guard case .side(let side) = size else { return size }
        return keepsAspect ? .shorterSide(side) : .exact(width: side, height: side)
    }

    private func sizes() throws -> (width: Int, height: Int, resize: Preprocessing.Resize) {
        guard let size = size.map({ resolved($0, keepsAspect: type?.keepsAspect ?? false) }) else {
            throw TensorError(.malformed, "'size' is missing")
        }
        // ConvNeXt crops a fraction of small images only.
        if let share = cropPct ?? (type == .convNeXt ? 0.875 : nil), type != .poolFormer,
            case .shorterSide(let side) = size, share > 0
        {
            return side < 384
                ? (side, side, .shorterSideLike(.transformers, try Self.pixels(side, over: share)))
                : (side, side, .stretch)
        }
        var crop: (width: Int, height: Int)?
        if doCenterCrop ?? type?.crops ?? false, let cropSize,
            case .exact(let width, let height) = resolved(cropSize, keepsAspect: false)
        {
            guard type != .perceiver else {
                throw TensorError(.malformed, "Perceiver crops before it resizes: write a preprocess.json")
            }
            crop = (width, height)
        }
        guard doResize ?? true else {
            guard case .exact(let width, let height) = size else {
                throw TensorError(.malformed, "the size is not exact")
            }
            return (crop?.width ?? width, crop?.height ?? height, .none)
        }
        let target = try enlarged(size)
        switch (size, target) {
        case (.exact(let width, let height), .exact(let resizedWidth, let resizedHeight)):
            let crop = crop ?? (width, height)
            return crop == (resizedWidth, resizedHeight)
                ? (crop.width, crop.height, .stretch)
                : (crop.width, crop.height, .stretchTo(width: resizedWidth, height: resizedHeight))
        case (.exact(let width, let height), .shorterSide(let side)):
            return (crop?.width ?? width, crop?.height ?? height, .shorterSideLike(.transformers, side))
        case (.shorterSide(let length), .shorterSide(let side)):
            return (crop?.width ?? length, crop?.height ?? length, .shorterSideLike(.transformers, side))
        default: throw TensorError(.malformed, "'size' has an unknown form")
        }
    }

    /// What the image is resized to: LeViT and PoolFormer crop a fraction of a larger one.
    private func enlarged(_ size: Size) throws -> Size {
        switch (type, size) {
        case (.leViT, .shorterSide(let side)): return .shorterSide(try Self.pixels(side, over: 224 / 256))
        case (.poolFormer, .shorterSide(let side)):
            return .shorterSide(try Self.pixels(side, over: cropPct ?? 0.9))
        case (.poolFormer, .exact(let width, let height)):
            let share = cropPct ?? 0.9
            return width == height
                ? .shorterSide(try Self.pixels(height, over: share))
                : .exact(width: try Self.pixels(width, over: share), height: try Self.pixels(height, over: share))
        default: return size
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
