// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// `preprocessor_config.json` of Hugging Face's transformers.
///
/// Members whose meaning or default depends on the class are read as its class does. A member that is missing, and
/// whose default is not known or differs between versions, is an error, and so is one that demands a step which
/// ``Preprocessing`` does not have.
///
/// - Source: transformers, image processors of BiT, CLIP, ConvNeXt, EfficientNet, LeViT, MobileNet, MobileViT,
///   Perceiver, PoolFormer, SigLIP, ViT and others.
struct TransformersPreprocessing: Decodable {
    private enum Size: Decodable {
        /// A single number, which is the shorter side for some classes and both sides for the others.
        case side(Int)
        case shorterSide(Int)
        case exact(width: Int, height: Int)

        static func square(_ side: Int) -> Size { .exact(width: side, height: side) }

        init(from decoder: any Decoder) throws {
            if let side = try? decoder.singleValueContainer().decode(Int.self) {
                self = .side(side)
                return
            }
            struct Members: Decodable {
                let height, width, shortestEdge, longestEdge, maxHeight, maxWidth: Int?
                var hasNoLimit: Bool { longestEdge == nil && maxHeight == nil && maxWidth == nil }
            }
            let members = try Members(from: decoder)
            switch (members.height, members.width, members.shortestEdge) {
            case (let height?, let width?, nil) where members.hasNoLimit: self = .exact(width: width, height: height)
            case (nil, nil, let side?) where members.hasNoLimit: self = .shorterSide(side)
            default:
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: decoder.codingPath,
                        debugDescription: "a size needs height and width, or shortest_edge, and nothing else: "
                            + "write a preprocess.json"))
            }
        }
    }

    /// A class with the meaning of its members, and the defaults that its versions in transformers 4 and 5 share.
    private struct Class {
        /// What its name begins with.
        let stem: String
        /// Whether a single number is the length of the shorter side.
        let keepsAspect: Bool
        let size: Size?
        /// Whether the centre is cropped, and to which height and width.
        let crops: Bool?
        let crop: Int?
        let resample: Int?
        /// Mean and deviation.
        let usual: (mean: [Float], std: [Float])?

        private init(
            _ stem: String, keepsAspect: Bool = false, _ size: Size? = nil, crops: Bool? = nil, crop: Int? = nil,
            resample: Int? = nil, _ usual: (mean: [Float], std: [Float])? = nil
        ) {
            self.stem = stem
            self.keepsAspect = keepsAspect
            self.size = size
            self.crops = crops
            self.crop = crop
            self.resample = resample
            self.usual = usual
        }

        /// Whether its steps and defaults are known.
        var isKnown: Bool { !stem.isEmpty }

        private static let halves = (mean: [Float](repeating: 0.5, count: 3), std: [Float](repeating: 0.5, count: 3))
        private static let imageNet = (
            mean: [Float](arrayLiteral: 0.485, 0.456, 0.406), std: [Float](arrayLiteral: 0.229, 0.224, 0.225)
        )
        private static let openAI = (
            mean: [Float](arrayLiteral: 0.48145466, 0.4578275, 0.40821073),
            std: [Float](arrayLiteral: 0.26862954, 0.26130258, 0.27577711)
        )

        static let convNeXt = Class("ConvNext", keepsAspect: true, .shorterSide(384), crops: false)
        static let efficientNet = Class("EfficientNet", .square(346), crops: false, crop: 289, halves)
        static let leViT = Class(
            "Levit", keepsAspect: true, .shorterSide(224), crops: true, crop: 224, resample: 3, imageNet)
        static let mobileViT = Class("MobileViT", keepsAspect: true, .shorterSide(224), crops: true, crop: 256)
        static let perceiver = Class("Perceiver", .square(224), crops: true, crop: 256, resample: 3, imageNet)
        static let poolFormer = Class(
            "PoolFormer", keepsAspect: true, .shorterSide(224), crops: true, crop: 224, resample: 3, imageNet)
        static let other = Class("")

        private static let all = [
            convNeXt, efficientNet, leViT, mobileViT, perceiver, poolFormer,
            Class("Beit", crop: 224, resample: 3, halves),
            Class("BlipImage", .square(384), crops: false, resample: 3, openAI),
            Class("Bit", keepsAspect: true, .shorterSide(224), crops: true, crop: 224, resample: 3, openAI),
            Class("ChineseCLIP", keepsAspect: true, .shorterSide(224), crops: true, crop: 224, resample: 3, openAI),
            Class("CLIP", keepsAspect: true, .shorterSide(224), crops: true, crop: 224, resample: 3, openAI),
            Class("DINOv3ViT", .square(224), crops: false, resample: 2, imageNet),
            Class("DPT", .square(384), crops: false, resample: 3),
            Class("DeiT", .square(256), crops: true, crop: 224, resample: 3),
            Class("EfficientFormer", .square(224), crops: true, crop: 224, resample: 3, imageNet),
            Class("Flava", .square(224), crops: true, crop: 224, resample: 3, openAI),
            Class("MobileNetV", keepsAspect: true, .shorterSide(256), crops: true, crop: 224, resample: 2, halves),
            Class("Pvt", .square(224), crops: false, imageNet),
            Class("Segformer", .square(512), crops: false, resample: 2, imageNet),
            Class("SiglipImage", keepsAspect: true, .square(224), crops: false, resample: 3, halves),
            Class("ViTFeature", .square(224), crops: false, resample: 2, halves),
            Class("ViTHybrid", keepsAspect: true, .shorterSide(224), crops: true, crop: 224, resample: 3, openAI),
            Class("ViTImage", .square(224), crops: false, resample: 2, halves),
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
    /// Steps that are not done here.
    private let doPad, keepAspectRatio, doColorQuantize, doThumbnail, doAlignLongAxis, doCropMargin: Bool?
    private let sizeDivisor, ensureMultipleOf, maxNumPatches, resizeShort: Int?

    private var typeName: String { imageProcessorType ?? featureExtractorType ?? "" }
    private var type: Class { Class.named(typeName) }
    /// The default of `do_resize`, `do_rescale` and `do_normalize`.
    private var usualStep: Bool? { type.isKnown ? true : nil }

    private func stated<Value>(_ value: Value?, _ usual: Value?, _ name: String) throws -> Value {
        guard let value = value ?? usual else {
            let reason =
                type.isKnown
                ? "its default differs between versions of transformers"
                : "the defaults of \(typeName.isEmpty ? "a file without image_processor_type" : typeName) are not known"
            throw TensorError(
                .malformed, "'\(name)' is missing, and \(reason): add it to the file, or write a preprocess.json")
        }
        return value
    }

    /// - Throws: `TensorError` for a member that demands a step which is not done here.
    private func refuseOtherSteps() throws {
        let steps: [(name: String, isDemanded: Bool)] = [
            ("do_pad", doPad ?? false), ("keep_aspect_ratio", keepAspectRatio ?? false),
            ("do_color_quantize", doColorQuantize ?? false), ("do_thumbnail", doThumbnail ?? false),
            ("do_align_long_axis", doAlignLongAxis ?? false), ("do_crop_margin", doCropMargin ?? false),
            ("size_divisor", (sizeDivisor ?? 1) != 1), ("ensure_multiple_of", (ensureMultipleOf ?? 1) != 1),
            ("max_num_patches", maxNumPatches != nil), ("resize_short", resizeShort != nil),
        ]
        guard let step = steps.first(where: \.isDemanded) else { return }
        throw TensorError(.malformed, "'\(step.name)' demands a step that is not supported: write a preprocess.json")
    }

    /// - Throws: `TensorError` for a `null` that transformers 4 takes literally, and 5 as missing.
    private func refuseAmbiguous(_ nulls: Set<String>) throws {
        var names: Set = ["do_resize", "do_rescale", "rescale_factor", "do_normalize", "resample"]
        if type == .mobileViT { names.remove("do_normalize") }
        if type == .poolFormer { names.insert("crop_pct") }
        if type.crops == true { names.insert("do_center_crop") }
        guard let name = names.intersection(nulls).min() else { return }
        throw TensorError(
            .malformed, "\(name) is null, which versions of transformers read differently: write its value")
    }

    /// - Parameter nulls: Names of members that are `null`.
    /// - Throws: `TensorError` that names the member and what to do about it.
    func preprocessing(nulls: Set<String> = []) throws -> Preprocessing {
        try refuseOtherSteps()
        try refuseAmbiguous(nulls)
        let interpolation: Preprocessing.Interpolation
        switch try stated(doResize, usualStep, "do_resize") ? try stated(resample, type.resample, "resample") : 2 {
        case 2: interpolation = .bilinear
        case 3: interpolation = .bicubic
        case let other:
            throw TensorError(
                .malformed,
                "resample is \(other), expected 2 (bilinear) or 3 (bicubic): write a preprocess.json with one of these")
        }
        let (width, height, resize) = try sizes()
        let rescales = try stated(doRescale, usualStep, "do_rescale")
        let factor =
            rescales ? Float(try stated(rescaleFactor, type.isKnown ? 1 / 255 : nil, "rescale_factor")) : 1
        let offset: Float = rescales && rescaleOffset ?? false ? 1 : 0
        // MobileViT ignores mean and deviation.
        let normalizes = type == .mobileViT ? false : try stated(doNormalize, usualStep, "do_normalize")
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

    private func resolved(_ size: Size, keepsAspect: Bool) throws -> Size {
        guard case .side(let side) = size else { return size }
        guard type.isKnown else {
            throw TensorError(
                .malformed,
                "a size of \(side) is the shorter side for some classes, and both sides for others: write it with "
                    + "shortest_edge, or with height and width")
        }
        return keepsAspect ? .shorterSide(side) : .square(side)
    }

    private func sizes() throws -> (width: Int, height: Int, resize: Preprocessing.Resize) {
        let size = try resolved(try stated(self.size, type.size, "size"), keepsAspect: type.keepsAspect)
        let resizes = doResize ?? true
        if type == .convNeXt { return try convNeXtSizes(size, resizes: resizes) }
        var crop: (width: Int, height: Int)?
        if try stated(doCenterCrop, type.crops, "do_center_crop") {
            let sides = try stated(cropSize, type.crop.map(Size.side), "crop_size")
            guard case .exact(let width, let height) = try resolved(sides, keepsAspect: false) else {
                throw TensorError(.malformed, "crop_size has no height and width: write a preprocess.json")
            }
            guard type != .perceiver else {
                throw TensorError(.malformed, "Perceiver crops before it resizes: write a preprocess.json")
            }
            crop = (width, height)
        }
        if case .exact(let width, let height) = size, !resizes || crop == nil { crop = crop ?? (width, height) }
        guard let crop else {
            throw TensorError(
                .malformed,
                "nothing fixes the picture's size: neither a crop nor a size with height and width; write a preprocess.json"
            )
        }
        guard resizes else { return (crop.width, crop.height, .none) }
        switch try enlarged(size) {
        case .exact(let width, let height):
            return crop == (width, height)
                ? (width, height, .stretch)
                : (crop.width, crop.height, .stretchTo(width: width, height: height))
        case .shorterSide(let side), .side(let side):
            return (crop.width, crop.height, .shorterSideLike(.transformers, side))
        }
    }

    /// ConvNeXt crops a fraction of small images only.
    private func convNeXtSizes(
        _ size: Size, resizes: Bool
    ) throws -> (width: Int, height: Int, resize: Preprocessing.Resize) {
        guard case .shorterSide(let side) = size else {
            throw TensorError(.malformed, "the size has no shortest_edge, which ConvNext demands: write it")
        }
        guard resizes, !(doCenterCrop ?? false) else {
            throw TensorError(
                .malformed,
                "do_resize false or do_center_crop true, which versions of transformers read differently for ConvNext: "
                    + "write a preprocess.json")
        }
        return side < 384
            ? (side, side, .shorterSideLike(.transformers, try Self.pixels(side, over: cropPct ?? 0.875)))
            : (side, side, .stretch)
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
