// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// `preprocessor_config.json` of Hugging Face's transformers.
///
/// Members whose meaning or default depends on the class are read as its class does. A member that is missing, and
/// whose default is not known or differs between versions, is an error.
///
/// - Source: transformers, image processors of BiT, CLIP, ConvNeXt, EfficientNet, LeViT, MobileNet, MobileViT,
///   Perceiver, PoolFormer, SigLIP, ViT and others.
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

    /// A class with the meaning of its members, and the defaults that its versions in transformers 4 and 5 share.
    private struct Class {
        /// What its name begins with.
        let stem: String
        /// Whether a single number is the length of the shorter side.
        let keepsAspect: Bool
        /// Whether the centre is cropped, and to which height and width.
        let crops: Bool?
        let crop: Int?
        let resample: Int?
        /// Mean and deviation.
        let usual: (mean: [Float], std: [Float])?

        private init(
            _ stem: String, keepsAspect: Bool = false, crops: Bool? = nil, crop: Int? = nil, resample: Int? = nil,
            _ usual: (mean: [Float], std: [Float])? = nil
        ) {
            self.stem = stem
            self.keepsAspect = keepsAspect
            self.crops = crops
            self.crop = crop
            self.resample = resample
            self.usual = usual
        }

        private static let halves = (mean: [Float](repeating: 0.5, count: 3), std: [Float](repeating: 0.5, count: 3))
        private static let imageNet = (
            mean: [Float](arrayLiteral: 0.485, 0.456, 0.406), std: [Float](arrayLiteral: 0.229, 0.224, 0.225)
        )
        private static let openAI = (
            mean: [Float](arrayLiteral: 0.48145466, 0.4578275, 0.40821073),
            std: [Float](arrayLiteral: 0.26862954, 0.26130258, 0.27577711)
        )

        static let convNeXt = Class("ConvNext", keepsAspect: true, crops: false, resample: 3)
        static let efficientNet = Class("EfficientNet", crops: false, crop: 289, halves)
        static let leViT = Class("Levit", keepsAspect: true, crops: true, crop: 224, resample: 3, imageNet)
        static let mobileViT = Class("MobileViT", keepsAspect: true, crops: true, crop: 256)
        static let perceiver = Class("Perceiver", crops: true, crop: 256, resample: 3, imageNet)
        static let poolFormer = Class("PoolFormer", keepsAspect: true, crops: true, crop: 224, resample: 3, imageNet)
        static let other = Class("")

        private static let all = [
            convNeXt, efficientNet, leViT, mobileViT, perceiver, poolFormer,
            Class("Beit", resample: 3, halves), Class("BlipImage", crops: false, resample: 3, openAI),
            Class("Bit", keepsAspect: true, crops: true, crop: 224, resample: 3, openAI),
            Class("ChineseCLIP", keepsAspect: true, crops: true, crop: 224, resample: 3, openAI),
            Class("CLIP", keepsAspect: true, crops: true, crop: 224, resample: 3, openAI),
            Class("DINOv3ViT", crops: false, resample: 2, imageNet), Class("DPT", crops: false, resample: 3),
            Class("DeiT", crops: true, crop: 224, resample: 3),
            Class("EfficientFormer", crops: true, crop: 224, resample: 3, imageNet),
            Class("Flava", crops: true, crop: 224, resample: 3, openAI),
            Class("MobileNetV", keepsAspect: true, crops: true, crop: 224, resample: 2, halves),
            Class("Pvt", crops: false, imageNet), Class("Segformer", crops: false, resample: 2, imageNet),
            Class("SiglipImage", keepsAspect: true, crops: false, resample: 3, halves),
            Class("ViTImage", crops: false, resample: 2, halves), Class("ViTFeature", crops: false, resample: 2),
        ]

        static func named(_ name: String) -> Class { all.first { name.hasPrefix($0.stem) } ?? other }

        static func == (first: Class, second: Class) -> Bool { first.stem == second.stem }
        static func != (first: Class, second: Class) -> Bool { first.stem != second.stem }
    }

    private let doResize, doCenterCrop, doRescale, doNormalize, doFlipChannelOrder: Bool?
    private let rescaleOffset, includeTop: Bool?
    private let size, cropSize: Size?
    private let cropPct, rescaleFactor: Double?
    private let resample: Int?
    private let imageMean, imageStd: [Float]?
    private let imageProcessorType, featureExtractorType: String?

    private var type: Class { Class.named(imageProcessorType ?? featureExtractorType ?? "") }

    private func stated<Value>(_ value: Value?, _ usual: Value?, _ name: String) throws -> Value {
        guard let value = value ?? usual else {
            throw TensorError(
                .malformed,
                "'\(name)' is missing, and its default differs between classes and versions of transformers: "
                    + "add it to the file, or write a preprocess.json")
        }
        return value
    }

    /// - Parameter nulls: Names of members that are `null`: transformers 4 takes some of these literally, 5 as missing.
    func preprocessing(nulls: Set<String> = []) throws -> Preprocessing {
        guard type != .poolFormer || !nulls.contains("crop_pct"),
            type.crops != true || !nulls.contains("do_center_crop")
        else {
            throw TensorError(
                .malformed,
                "crop_pct or do_center_crop is null, which versions of transformers read differently: write its value")
        }
        let interpolation: Preprocessing.Interpolation
        switch doResize ?? true ? try stated(resample, type.resample, "resample") : 2 {
        case 2: interpolation = .bilinear
        case 3: interpolation = .bicubic
        case let other:
            throw TensorError(
                .malformed, "resample is \(other), expected 2 (bilinear) or 3 (bicubic)")
        }
        let (width, height, resize) = try sizes()
        let rescales = doRescale ?? true
        let factor = rescales ? Float(rescaleFactor ?? 1 / 255) : 1
        let offset: Float = rescales && rescaleOffset ?? false ? 1 : 0
        // MobileViT ignores mean and deviation.
        let normalizes = type != .mobileViT && doNormalize ?? true
        let dividesTwice = type == .efficientNet && includeTop ?? true
        let ones = [Float](repeating: 1, count: imageStd?.count ?? 3)
        let deviation =
            normalizes || dividesTwice ? try stated(imageStd, type.usual?.std, "image_std") : ones
        let mean =
            normalizes
            ? try stated(imageMean, type.usual?.mean, "image_mean") : [Float](repeating: 0, count: deviation.count)
        var std = normalizes ? deviation : ones
        // EfficientNet's classifiers divide by the deviation once more.
        if dividesTwice { std = zip(std, deviation).map { $0 * $1 } }
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
        guard let size = size.map({ resolved($0, keepsAspect: type.keepsAspect) }) else {
            throw TensorError(.malformed, "'size' is missing")
        }
        // ConvNeXt crops a fraction of small images only.
        if type == .convNeXt, case .shorterSide(let side) = size {
            let share = cropPct ?? 0.875
            return side < 384
                ? (side, side, .shorterSideLike(.transformers, try Self.pixels(side, over: share)))
                : (side, side, .stretch)
        }
        var crop: (width: Int, height: Int)?
        if try stated(doCenterCrop, type.crops, "do_center_crop") {
            let sides = try stated(cropSize, type.crop.map(Size.side), "crop_size")
            guard case .exact(let width, let height) = resolved(sides, keepsAspect: false) else {
                throw TensorError(.malformed, "crop_size has no height and width: write a preprocess.json")
            }
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
        let share = cropPct ?? 0.9
        switch size {
        case .shorterSide(let side) where type == .leViT:
            return .shorterSide(try Self.pixels(side, over: 224 / 256))
        case .shorterSide(let side) where type == .poolFormer:
            return .shorterSide(try Self.pixels(side, over: share))
        case .exact(let width, let height) where type == .poolFormer:
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
