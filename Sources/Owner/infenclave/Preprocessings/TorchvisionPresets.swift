// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The preprocessing of torchvision's pretrained classifiers, by name.
///
/// - Source: `torchvision.models`, the `transforms` of each `Weights` entry; the entry is `DEFAULT` unless it is named.
enum TorchvisionPresets {
    private struct Sizes {
        let resize, crop: Int
        var isBicubic = false
        /// In pixel units; `nil` for ImageNet's usual.
        var mean: [Float]?
        var std: [Float]?
    }

    /// Weights with other sizes than the sets below, or bicubic; an architecture alone stands for its IMAGENET1K_V1.
    private static let special: [String: Sizes] = {
        var table: [String: Sizes] = [
            "convnext_tiny": Sizes(resize: 236, crop: 224), "convnext_small": Sizes(resize: 230, crop: 224),
            "efficientnet_b0": Sizes(resize: 256, crop: 224, isBicubic: true),
            "efficientnet_b1": Sizes(resize: 256, crop: 240, isBicubic: true),
            "efficientnet_b1:IMAGENET1K_V2": Sizes(resize: 255, crop: 240),
            "efficientnet_b2": Sizes(resize: 288, crop: 288, isBicubic: true),
            "efficientnet_b3": Sizes(resize: 320, crop: 300, isBicubic: true),
            "efficientnet_b4": Sizes(resize: 384, crop: 380, isBicubic: true),
            "efficientnet_b5": Sizes(resize: 456, crop: 456, isBicubic: true),
            "efficientnet_b6": Sizes(resize: 528, crop: 528, isBicubic: true),
            "efficientnet_b7": Sizes(resize: 600, crop: 600, isBicubic: true),
            "efficientnet_v2_s": Sizes(resize: 384, crop: 384), "efficientnet_v2_m": Sizes(resize: 480, crop: 480),
            "efficientnet_v2_l": Sizes(
                resize: 480, crop: 480, isBicubic: true, mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5]),
            "inception_v3": Sizes(resize: 342, crop: 299), "maxvit_t": Sizes(resize: 224, crop: 224, isBicubic: true),
            "swin_t": Sizes(resize: 232, crop: 224, isBicubic: true),
            "swin_s": Sizes(resize: 246, crop: 224, isBicubic: true),
            "swin_b": Sizes(resize: 238, crop: 224, isBicubic: true),
            "swin_v2_t": Sizes(resize: 260, crop: 256, isBicubic: true),
            "swin_v2_s": Sizes(resize: 260, crop: 256, isBicubic: true),
            "swin_v2_b": Sizes(resize: 272, crop: 256, isBicubic: true),
            "vgg16:IMAGENET1K_FEATURES": Sizes(
                resize: 256, crop: 224, mean: [0.48235 * 255, 0.45882 * 255, 0.40784 * 255], std: [1, 1, 1]),
            "vit_l_16": Sizes(resize: 242, crop: 224),
        ]
        // Weights that were pretrained on hashtags (SWAG): fine-tuned at a size of their own, or a linear layer at 224.
        for (name, side) in [
            "regnet_y_16gf": 384, "regnet_y_32gf": 384, "regnet_y_128gf": 384, "vit_b_16": 384, "vit_l_16": 512,
            "vit_h_14": 518,
        ] {
            table["\(name):IMAGENET1K_SWAG_E2E_V1"] = Sizes(resize: side, crop: side, isBicubic: true)
            table["\(name):IMAGENET1K_SWAG_LINEAR_V1"] = Sizes(resize: 224, crop: 224, isBicubic: true)
        }
        return table
    }()

    /// Architectures with a second set of weights at 224, which is the default and uses 232; the first uses 256.
    private static let second: Set<String> = [
        "mobilenet_v2", "mobilenet_v3_large", "regnet_x_16gf", "regnet_x_1_6gf", "regnet_x_32gf", "regnet_x_3_2gf",
        "regnet_x_400mf", "regnet_x_800mf", "regnet_x_8gf", "regnet_y_16gf", "regnet_y_1_6gf", "regnet_y_32gf",
        "regnet_y_3_2gf", "regnet_y_400mf", "regnet_y_800mf", "regnet_y_8gf", "resnet101", "resnet152", "resnet50",
        "resnext101_32x8d", "resnext50_32x4d", "wide_resnet101_2", "wide_resnet50_2",
    ]

    /// Architectures whose first weights use 256 and 224.
    private static let usual: Set<String> = [
        "alexnet", "densenet121", "densenet161", "densenet169", "densenet201", "googlenet", "mnasnet0_5", "mnasnet1_0",
        "mobilenet_v3_small", "resnet18", "resnet34", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "squeezenet1_0",
        "squeezenet1_1", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "vit_b_16",
        "vit_b_32", "vit_l_32",
    ]

    /// Architectures whose first weights use 232 and 224.
    private static let larger: Set<String> = [
        "convnext_base", "convnext_large", "mnasnet0_75", "mnasnet1_3", "resnext101_64x4d", "shufflenet_v2_x1_5",
        "shufflenet_v2_x2_0",
    ]

    /// The preprocessing of torchvision's reference training, which most weights use: 256, 224, bilinear.
    static func usualPreprocessing() throws -> Preprocessing { try preprocessing(Sizes(resize: 256, crop: 224)) }

    /// - Parameter name: An architecture, or one with its weights, `resnet50:IMAGENET1K_V1`.
    /// - Returns: `nil` for an unknown name.
    static func preprocessing(_ name: String) throws -> Preprocessing? {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2 else { return nil }
        let architecture = parts[0]
        let weights = parts.count == 2 ? parts[1] : defaultWeights(of: architecture)
        let isFirst = weights == "IMAGENET1K_V1"
        if let sizes = special["\(architecture):\(weights)"] ?? (isFirst ? special[architecture] : nil) {
            return try preprocessing(sizes)
        }
        if isFirst ? larger.contains(architecture) : weights == "IMAGENET1K_V2" && second.contains(architecture) {
            return try preprocessing(Sizes(resize: 232, crop: 224))
        }
        return isFirst && second.union(usual).contains(architecture) ? try usualPreprocessing() : nil
    }

    private static func defaultWeights(of architecture: String) -> String {
        switch architecture {
        case "efficientnet_b1": "IMAGENET1K_V2"
        case "regnet_y_128gf", "vit_h_14": "IMAGENET1K_SWAG_E2E_V1"
        default: second.contains(architecture) ? "IMAGENET1K_V2" : "IMAGENET1K_V1"
        }
    }

    private static func preprocessing(_ sizes: Sizes) throws -> Preprocessing {
        let usual = PixelNormalization.imageNet
        return try Preprocessing(
            width: sizes.crop, height: sizes.crop, channels: .rgb, resize: .shorterSideLike(.torchvision, sizes.resize),
            interpolation: sizes.isBicubic ? .bicubic : .bilinear, mean: sizes.mean ?? usual.mean,
            std: sizes.std ?? usual.std)
    }
}
