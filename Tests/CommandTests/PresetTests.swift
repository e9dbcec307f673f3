// SPDX-License-Identifier: Apache-2.0
import Foundation
import InfenclaveImaging
import ModelGraph
import ONNXExport
import Tensors
import Testing

/// The preprocessing of a picture with a preset or without any setting. The model returns its input.
@Suite("Preprocessing presets", .serialized)
struct PresetTests {
    private let folder: TemporaryFolder
    private let file: Data
    private let model: String
    private let picture: String

    init() throws {
        folder = try TemporaryFolder()
        let input = Value(name: "x", type: TensorType(.float32, try Shape([1, 3, 224, 224])))
        let graph = try Graph(
            name: "mirror", inputs: [input], outputs: ["y"],
            nodes: [Node(name: "flat", operation: .flatten(Flatten()), inputs: ["x"], outputs: ["y"])], constants: [:])
        file = try ONNXFile.encode(graph)
        model = try folder.write(file, to: "mirror.onnx")
        // Of the longer side, 386.97 pixels are left, which libraries round in different ways.
        let (width, height) = (301, 455)
        var noise = UInt32(1)
        let pixels = (0..<width * height * 3).map { _ in
            noise = noise &* 1_664_525 &+ 1_013_904_223
            return UInt8(noise >> 24)
        }
        let image = try Image(width: width, height: height, channels: 3, pixels: pixels)
        picture = try folder.write(try image.pngBytes(), to: "noise.png")
    }

    private func seen(_ arguments: [String], by other: String? = nil, notes: String = "") throws -> [Float] {
        let output = folder.file("y.npy")
        let outcome = try succeed(
            ["run", other ?? model, "--input", picture, "--output", output] + arguments, in: folder)
        #expect(outcome.errors == notes)
        // In one expression with the next line this crashes the compiler of Swift 6.3.
        let answer = try bytes(of: output)
        return try Tensor(npy: answer.span.bytes).floats()
    }

    private func settings(
        _ resize: [String: Any], _ interpolation: String, channels: String = "RGB",
        mean: [Double] = [123.675, 116.28, 103.53], std: [Double] = [58.395, 57.12, 57.375]
    ) throws -> String {
        try folder.write(
            try JSONSerialization.data(withJSONObject: [
                "width": 224, "height": 224, "channels": channels, "resize": resize, "interpolation": interpolation,
                "mean": mean, "std": std,
            ]), to: "how.json")
    }

    @Test("A preset of Keras stretches pictures to the model's size, one of torchvision demands its own")
    func otherSize() throws {
        let input = Value(name: "x", type: TensorType(.float32, try Shape([1, 3, 96, 160])))
        let graph = try Graph(
            name: "small", inputs: [input], outputs: ["y"],
            nodes: [Node(name: "flat", operation: .flatten(Flatten()), inputs: ["x"], outputs: ["y"])], constants: [:])
        let small = try folder.write(try ONNXFile.encode(graph), to: "small.onnx")
        let stretched: [String: Any] = [
            "width": 160, "height": 96, "channels": "RGB", "resize": ["mode": "stretch"], "interpolation": "bilinear",
            "mean": [127.5, 127.5, 127.5], "std": [127.5, 127.5, 127.5],
        ]
        let settings = try folder.write(try JSONSerialization.data(withJSONObject: stretched), to: "how.json")
        let note =
            "note: keras:MobileNetV2 usually takes 224x224 pixels: pictures are stretched to the model's 160x96\n"
        let preset = try seen(["--preprocess", "keras:MobileNetV2"], by: small, notes: note)
        #expect(preset == (try seen(["--preprocess", settings], by: small)))
        try expectRefused(
            ["run", small, "--input", picture, "--preprocess", "torchvision:resnet18"], naming: "1x3x224x224",
            in: folder)
    }

    @Test("By default a 224-pixel model uses the preprocessing of torchvision's reference training")
    func usual() throws {
        let usual = try seen([])
        #expect(usual == (try seen(["--preprocess", "torchvision:resnet18"])))
        let resize: [String: Any] = ["mode": "shorterSide", "length": 256]
        let rounded = resize.merging(["rounding": "torchvision"]) { first, _ in first }
        #expect(usual == (try seen(["--preprocess", settings(rounded, "bilinear")])))
        #expect(usual != (try seen(["--preprocess", settings(resize, "bilinear")])))
    }

    @Test(
        "A preset is that of the named weights, or of torchvision's default weights",
        arguments: [
            ("resnet50", 232, "bilinear"), ("resnet50:IMAGENET1K_V1", 256, "bilinear"),
            ("convnext_tiny:IMAGENET1K_V1", 236, "bilinear"), ("efficientnet_b0:IMAGENET1K_V1", 256, "bicubic"),
            ("swin_t", 232, "bicubic"), ("vit_b_16:IMAGENET1K_SWAG_LINEAR_V1", 224, "bicubic"),
            ("mnasnet1_3", 232, "bilinear"),
        ])
    func preset(_ name: String, _ length: Int, _ interpolation: String) throws {
        let resize: [String: Any] = ["mode": "shorterSide", "length": length, "rounding": "torchvision"]
        let expected = try seen(["--preprocess", settings(resize, interpolation)])
        #expect(try seen(["--preprocess", "torchvision:\(name)"]) == expected)
    }

    @Test(
        "A preset of another size than the model's is refused with both sizes, and unknown weights are refused",
        arguments: [
            ("vit_h_14", "1x3x518x518"), ("vit_l_16:IMAGENET1K_SWAG_E2E_V1", "1x3x512x512"),
            ("regnet_y_128gf", "1x3x384x384"), ("efficientnet_b2", "1x3x288x288"),
            ("resnet18:IMAGENET1K_V2", "no preset"),
            ("resnet50:", "no preset"), ("resnet50:IMAGENET1K_V1:", "no preset"), ("", "no preset"),
        ])
    func refused(_ name: String, _ phrase: String) throws {
        try expectRefused(
            ["run", model, "--preprocess", "torchvision:\(name)", "--input", picture], naming: phrase, in: folder)
    }

    @Test("A TensorFlow model without preprocessing data is normalised as for ImageNet, with a warning")
    func tensorFlow() throws {
        let name = Array("infenclave".utf8)
        var bytes = [UInt8](file)
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: name) })
        bytes.replaceSubrange(place..<place + name.count, with: Array("tf2onnx 1.".utf8))
        let other = try folder.write(bytes, to: "tensorflow.onnx")
        let outcome = try succeed(["run", other, "--input", picture], in: folder)
        #expect(outcome.errors.contains("warning: nothing says how the model takes pictures"))
        #expect(outcome.errors.contains("keras:MobileNetV2"))
    }

    /// The model with these metadata.
    private func described(_ metadata: [String: String]) throws -> String {
        // Field 14 of the model: entries with a key, 1, and a value, 2.
        func field(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] { [tag, UInt8(content.count)] + content }
        var bytes = [UInt8](file)
        for (key, value) in metadata {
            bytes += field(0x72, field(0x0A, Array(key.utf8)) + field(0x12, Array(value.utf8)))
        }
        return try folder.write(bytes, to: "described.onnx")
    }

    @Test(
        "Metadata that requires unsupported preprocessing is refused unless another preprocessing is named",
        arguments: [
            (["Image.BitmapPixelFormat": "Bgr8", "Image.NominalPixelRange": "NominalRange_16_235"], "Range_16_235'"),
            (["Image.BitmapPixelFormat": "Bgr8", "Image.ColorSpaceGamma": "Linear"], "Image.ColorSpaceGamma 'Linear'"),
            (["Image.BitmapPixelFormat": "Gray16"], "'Gray16', expected Gray8"),
            (["Image.BitmapPixelFormat": "Gray8"], "a format of 3 channels"),
        ] as [([String: String], String)])
    func refusedMetadata(_ metadata: [String: String], _ phrase: String) throws {
        let described = try described(metadata)
        try expectRefused(["run", described, "--input", picture], naming: phrase, in: folder)
        let named = ["--preprocess", "torchvision:resnet18"]
        #expect(try seen(named, by: described) == seen(named))
    }

    @Test(
        "The model's metadata, as Custom Vision writes it, determines how pixels are preprocessed",
        arguments: [
            ("Bgr8", "NominalRange_0_255", "BGR", 0, 1), ("Rgb8", "Normalized_0_1", "RGB", 0, 255),
            ("Bgra8", "Normalized_1_1", "BGR", 127.5, 127.5),
        ] as [(String, String, String, Double, Double)])
    func metadata(_ format: String, _ range: String, _ channels: String, _ mean: Double, _ std: Double) throws {
        let described = try described(["Image.BitmapPixelFormat": format, "Image.NominalPixelRange": range])
        let resize: [String: Any] = ["mode": "shorterSide", "length": 256, "rounding": "torchvision"]
        let how = try settings(
            resize, "bilinear", channels: channels, mean: [mean, mean, mean], std: [std, std, std])
        let expected = try seen(["--preprocess", how])
        let answer = try seen([], by: described)
        #expect(zip(answer, expected).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    /// Members of `pretrained_cfg`, besides `input_size`, and what timm 1.0 with Pillow made of the picture.
    struct TimmConfiguration: Sendable, CustomTestStringConvertible {
        let members: String
        /// At channel 0, row 0, column 100; at 1, 100, 57; and at 2, 223, 120.
        let values: [Float]

        var testDescription: String { members }
    }

    @Test(
        "timm's config.json is interpreted as timm does, with timm's defaults and rounding",
        arguments: [
            TimmConfiguration(members: "", values: [-1.4157891, -0.5126051, 0.9842268]),
            TimmConfiguration(
                members: #", "interpolation": "", "crop_pct": 0, "crop_mode": "", "mean": [], "std": null"#,
                values: [-1.4157891, -0.5126051, 0.9842268]),
            TimmConfiguration(
                members: #", "interpolation": "bilinear", "crop_pct": 0.9"#, values: [-0.3883038, 0.4152662, 0.6182137]),
            // 235 pixels, of which 5.5 are cut off on each side.
            TimmConfiguration(
                members: #", "crop_pct": 0.95, "crop_mode": "squash""#, values: [0.7248052, 0.4852942, 0.5833553]),
            TimmConfiguration(
                members: #", "crop_pct": 1.0, "crop_mode": "squash", "interpolation": "bilinear""#,
                values: [-0.5424266, 0.0826331, 1.0190852]),
            TimmConfiguration(
                members: #", "crop_pct": 1.0, "crop_mode": "border", \#(halves)"#
                    .replacing("image_", with: ""),
                values: [-0.4745098, -0.2078431, -0.0745098]),
        ])
    func timm(_ configuration: TimmConfiguration) throws {
        let settings = #""input_size": [3, 224, 224]\#(configuration.members)"#
        for text in [
            #"{"architecture": "a", "pretrained_cfg": {\#(settings)}}"#,
            #"{"architecture": "a", "num_classes": 5, \#(settings)}"#,
        ] {
            let answer = try seen(["--preprocess", folder.write(text, to: "timm.json")])
            for (place, value) in zip([100, 50_176 + 22_457, 100_352 + 50_072], configuration.values) {
                #expect(abs(answer[place] - value) < 1e-4, "\(text) at \(place)")
            }
        }
    }

    @Test(
        "An unusable preprocessing file beside the model is refused unless another preprocessing is named",
        arguments: [
            ("config.json", #"{"architecture": "a", "pretrained_cfg": {"interpolation": "lanczos"}}"#, "'lanczos'"),
            ("config.json", #"{"architecture": "a", "num_features": 8, "crop_pct": 1.2}"#, "crop_pct is 1.2"),
            ("config.json", #"{"pretrained_cfg": null}"#, "pretrained_cfg is not what"),
            ("config.json", #"{"pretrained_cfg": {"input_size": [224, 224]}}"#, "input_size is [224, 224]"),
            ("config.json", #"{"pretrained_cfg": {"input_size": [3, 224, 192]}}"#, "not square"),
            ("config.json", #"{"pretrained_cfg": {"crop_mode": "border"}}"#, "crop_mode border"),
            ("config.json", #"{"image_mean": [0.5, 0.5, 0.5]}"#, "'do_resize' is missing"),
            ("config.json", #"{"pretrained_cfg": {"mean": [124, 116, 104]}}"#, "expected 0 to 1"),
            ("config.json", #"{"width": 8, "height": 8, "mean": [0, 0, 0]}"#, "'channels' is missing"),
            ("preprocessor_config.json", #"{"image_processor_type": "AnImageProcessor"}"#, "'do_resize' is missing"),
            ("preprocess.json", "{}", "'channels' is missing"),
        ])
    func unusable(_ name: String, _ text: String, _ phrase: String) throws {
        try folder.write(text, to: name)
        try expectRefused(["run", model, "--input", picture], naming: phrase, in: folder)
        let outcome = try infenclave(["run", model, "--input", picture], in: folder)
        #expect(outcome.errors.contains(name) && outcome.errors.contains("--preprocess"), "\(outcome.errors)")
        _ = try seen(["--preprocess", "torchvision:resnet18"])
    }

    @Test("An unrelated config.json is ignored, with a note")
    func passedOver() throws {
        let expected = try seen([])
        let output = folder.file("z.npy")
        for text in [
            #"{"architectures": ["ResNetForImageClassification"], "num_channels": 3}"#, #"["cat", "dog"]"#, "{",
            #"{"epochs": 90, "channels": 3}"#, #"{"architecture": "resnet50", "mean": [123.7, 116.3, 103.5]}"#,
        ] {
            try folder.write(text, to: "config.json")
            let outcome = try succeed(["run", model, "--input", picture, "--output", output], in: folder)
            #expect(outcome.errors.contains("note: ") && outcome.errors.contains("config.json has no members"))
            let answer = try bytes(of: output)
            #expect(try Tensor(npy: answer.span.bytes).floats() == expected, "\(text)")
            try FileManager.default.removeItem(atPath: output)
        }
        _ = try seen(["--preprocess", "torchvision:resnet18"])
    }

    /// A `preprocessor_config.json`, and the preprocessing that its class in transformers does.
    struct Configuration: Sendable, CustomTestStringConvertible {
        let type, members: String
        /// `nil` for both sides at once.
        let length: Int?
        var interpolation = "bicubic"
        var channels = "RGB"
        var mean = [123.675, 116.28, 103.53]
        var std = [58.395, 57.12, 57.375]

        var testDescription: String { "\(type) \(members)" }
    }

    static let halves = #""image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]"#
    static let imageNet = #""image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]"#

    @Test(
        "Each member of preprocessor_config.json is interpreted as by the class in transformers",
        arguments: [
            Configuration(
                type: "ViTFeatureExtractor", members: #""size": 224, "resample": 2, \#(halves)"#, length: nil,
                interpolation: "bilinear", mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5]),
            Configuration(
                type: "ConvNextFeatureExtractor",
                members: #""size": 224, "crop_pct": 0.875, "resample": 3, \#(imageNet)"#,
                length: 256),
            Configuration(
                type: "ConvNextImageProcessor",
                members: #""size": {"shortest_edge": 224}, "resample": 3, \#(imageNet)"#,
                length: 256),
            Configuration(
                type: "CLIPFeatureExtractor",
                members: #""size": 224, "do_center_crop": true, "crop_size": 224, "resample": 3, \#(imageNet)"#,
                length: 224),
            Configuration(
                type: "LevitFeatureExtractor",
                members: #""size": 224, "do_center_crop": true, "crop_size": 224, "resample": 3, \#(imageNet)"#,
                length: 256),
            Configuration(
                type: "PoolFormerImageProcessor",
                members:
                    #""size": {"shortest_edge": 224}, "crop_pct": 0.9, "crop_size": {"height": 224, "width": 224}, "resample": 3, \#(imageNet)"#,
                length: 248),
            Configuration(
                type: "MobileViTFeatureExtractor",
                members:
                    #""size": 288, "do_center_crop": true, "crop_size": 224, "do_flip_channel_order": true, "resample": 2"#,
                length: 288, interpolation: "bilinear", channels: "BGR", mean: [0, 0, 0], std: [255, 255, 255]),
            Configuration(
                type: "EfficientNetImageProcessor",
                members:
                    #""size": {"height": 224, "width": 224}, "include_top": true, "rescale_offset": true, "rescale_factor": 0.00784313725490196, "resample": 3, \#(halves)"#,
                length: nil, mean: [191.25, 191.25, 191.25], std: [31.875, 31.875, 31.875]),
            // Defaults of the class.
            Configuration(
                type: "CLIPImageProcessor", members: #""size": 224"#, length: 224,
                mean: [122.7709383, 116.7460125, 104.09373615], std: [68.5005327, 66.6321579, 70.32316305]),
            Configuration(
                type: "FlavaImageProcessor", members: #""size": 224"#, length: nil,
                mean: [122.7709383, 116.7460125, 104.09373615], std: [68.5005327, 66.6321579, 70.32316305]),
            Configuration(type: "PvtImageProcessor", members: #""resample": 3"#, length: nil),
            Configuration(type: "LevitImageProcessor", members: #""size": 224"#, length: 256),
            Configuration(type: "PoolFormerImageProcessor", members: #""size": 224"#, length: 248),
            Configuration(
                type: "SiglipImageProcessor", members: #""size": {"height": 224, "width": 224}"#, length: nil,
                mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5]),
            Configuration(
                type: "BitImageProcessor", members: #""size": {"shortest_edge": 224}, "crop_pct": 0.5, \#(imageNet)"#,
                length: 224),
            Configuration(
                type: "DeiTImageProcessor", members: #""size": 224, \#(imageNet)"#, length: nil),
            Configuration(
                type: "EfficientNetImageProcessor",
                members:
                    #""size": 224, "do_rescale": false, "rescale_offset": true, "include_top": false, "resample": 3, \#(halves)"#,
                length: nil, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]),
        ])
    func transformers(_ configuration: Configuration) throws {
        let text = #"{"image_processor_type": "\#(configuration.type)", \#(configuration.members)}"#
        let file = try folder.write(text, to: "preprocessor_config.json")
        let resize: [String: Any] =
            configuration.length.map { ["mode": "shorterSide", "length": $0, "rounding": "transformers"] }
            ?? ["mode": "stretch"]
        let expected = try seen([
            "--preprocess",
            settings(
                resize, configuration.interpolation, channels: configuration.channels, mean: configuration.mean,
                std: configuration.std),
        ])
        let answer = try seen(["--preprocess", file])
        #expect(zip(answer, expected).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    @Test("Unsupported transformers preprocessing is refused, and so is a missing member without a certain default")
    func refusedConfigurations() throws {
        for (members, phrase) in [
            (#""PerceiverImageProcessor", "size": 224, "crop_size": 256"#, "crops before it resizes"),
            (#""LevitImageProcessor", "size": 9000000000000000000"#, "a share of"),
            (#""PerceiverImageProcessor", "size": 224"#, "crops before it resizes"),
            (#""MobileViTImageProcessor", "size": 256"#, "'resample' is missing"),
            (#""EfficientNetImageProcessor", "size": 224"#, "'resample' is missing"),
            (#""ConvNextImageProcessor", "size": 224, "resample": 3"#, "'image_std' is missing"),
            (#""AnotherImageProcessor", "size": 224, "resample": 3, \#(Self.halves)"#, "'do_resize' is missing"),
            (#""PoolFormerImageProcessor", "size": 224, "crop_pct": null"#, "crop_pct is null"),
            (#""ViTImageProcessor", "size": 224, "do_pad": true"#, "'do_pad' demands a step"),
            (#""ViTImageProcessor", "size": {"height": 224, "width": 224, "longest_edge": 224}"#, "and nothing else"),
            (#""PvtImageProcessor", "size": 224"#, "'resample' is missing"),
            (#""ConvNextImageProcessor", "size": 224, "do_center_crop": true, "resample": 3"#, "do_center_crop true"),
            (#""DeiTImageProcessor", "size": 224, "do_center_crop": null, \#(Self.imageNet)"#, "is null"),
            (#""ViTImageProcessor", "size": 224, "resample": 0"#, "resample is 0"),
        ] {
            let file = try folder.write(#"{"image_processor_type": \#(members)}"#, to: "preprocessor_config.json")
            try expectRefused(
                ["run", model, "--preprocess", file, "--input", picture], naming: phrase, in: folder)
        }
    }
}
