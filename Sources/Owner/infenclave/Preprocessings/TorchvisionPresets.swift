// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The preprocessing of torchvision's pretrained classifiers, by name.
///
/// - Source: `torchvision.models`, the `transforms` of each `Weights` entry; the entry is `DEFAULT` unless it is named.
enum TorchvisionPresets {
    private struct Sizes {
        let resize, crop: Int
        var isBicubic = false
        var half = false
    }

    /// Architectures with sizes other than 256 and 224, bilinear.
    private static let special: [String: Sizes] = [
        "convnext_tiny": Sizes(resize: 236, crop: 224), "convnext_small": Sizes(resize: 230, crop: 224),
        "convnext_base": Sizes(resize: 232, crop: 224), "convnext_large": Sizes(resize: 232, crop: 224),
        "efficientnet_b0": Sizes(resize: 256, crop: 224, isBicubic: true),
        "efficientnet_b1": Sizes(resize: 255, crop: 240),
        "efficientnet_b1:IMAGENET1K_V1": Sizes(resize: 256, crop: 240, isBicubic: true),
        "efficientnet_b2": Sizes(resize: 288, crop: 288, isBicubic: true),
        "efficientnet_b3": Sizes(resize: 320, crop: 300, isBicubic: true),
        "efficientnet_b4": Sizes(resize: 384, crop: 380, isBicubic: true),
        "efficientnet_b5": Sizes(resize: 456, crop: 456, isBicubic: true),
        "efficientnet_b6": Sizes(resize: 528, crop: 528, isBicubic: true),
        "efficientnet_b7": Sizes(resize: 600, crop: 600, isBicubic: true),
        "efficientnet_v2_s": Sizes(resize: 384, crop: 384), "efficientnet_v2_m": Sizes(resize: 480, crop: 480),
        "efficientnet_v2_l": Sizes(resize: 480, crop: 480, isBicubic: true, half: true),
        "inception_v3": Sizes(resize: 342, crop: 299), "maxvit_t": Sizes(resize: 224, crop: 224, isBicubic: true),
        "swin_t": Sizes(resize: 232, crop: 224, isBicubic: true),
        "swin_s": Sizes(resize: 246, crop: 224, isBicubic: true),
        "swin_b": Sizes(resize: 238, crop: 224, isBicubic: true),
        "swin_v2_t": Sizes(resize: 260, crop: 256, isBicubic: true),
        "swin_v2_s": Sizes(resize: 260, crop: 256, isBicubic: true),
        "swin_v2_b": Sizes(resize: 272, crop: 256, isBicubic: true),
        "vit_h_14": Sizes(resize: 518, crop: 518, isBicubic: true),
        "vit_l_16": Sizes(resize: 242, crop: 224),
        "vit_l_16:IMAGENET1K_V1": Sizes(resize: 242, crop: 224),
    ]

    /// Architectures with a second set of weights, which is the default and uses 232.
    private static let second: Set<String> = [
        "mobilenet_v2", "mobilenet_v3_large", "regnet_x_16gf", "regnet_x_1_6gf", "regnet_x_32gf", "regnet_x_3_2gf",
        "regnet_x_400mf", "regnet_x_800mf", "regnet_x_8gf", "regnet_y_16gf", "regnet_y_1_6gf", "regnet_y_32gf",
        "regnet_y_3_2gf", "regnet_y_400mf", "regnet_y_800mf", "regnet_y_8gf", "resnet101", "resnet152", "resnet50",
        "resnext101_32x8d", "resnext50_32x4d", "wide_resnet101_2", "wide_resnet50_2",
    ]

    /// Architectures with 256 and 224.
    private static let usual: Set<String> = [
        "alexnet", "densenet121", "densenet161", "densenet169", "densenet201", "googlenet", "mnasnet0_5", "mnasnet1_0",
        "mobilenet_v3_small", "resnet18", "resnet34", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "squeezenet1_0",
        "squeezenet1_1", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "vit_b_16",
        "vit_b_32", "vit_l_32",
    ]

    /// - Parameter name: An architecture, or one with its weights, `resnet50:IMAGENET1K_V1`.
    /// - Returns: `nil` for an unknown name.
    static func preprocessing(_ name: String) throws -> Preprocessing? {
        let parts = name.split(separator: ":", maxSplits: 1).map(String.init)
        guard let architecture = parts.first else { return nil }
        let sizes: Sizes
        if let known = special[name] ?? (special[architecture].flatMap { parts.count == 1 ? $0 : nil }) {
            sizes = known
        } else if second.contains(architecture), parts.count == 1 || parts[1] == "IMAGENET1K_V2" {
            sizes = Sizes(resize: 232, crop: 224)
        } else if second.union(usual).contains(architecture), parts.count == 1 || parts[1] == "IMAGENET1K_V1" {
            sizes = Sizes(resize: 256, crop: 224)
        } else {
            return nil
        }
        let usual = PixelNormalization.imageNet
        return try Preprocessing(
            width: sizes.crop, height: sizes.crop, channels: .rgb, resize: .shorterSideLike(.torchvision, sizes.resize),
            interpolation: sizes.isBicubic ? .bicubic : .bilinear,
            mean: sizes.half ? [127.5, 127.5, 127.5] : usual.mean, std: sizes.half ? [127.5, 127.5, 127.5] : usual.std)
    }
}
