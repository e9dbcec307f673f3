// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The preprocessing of Keras's pretrained classifiers, by class name, upper or lower case. Pictures are stretched to the
/// class's default size or the model's own, as `image_dataset_from_directory` does it.
///
/// - Source: `keras.applications`, `preprocess_input` and the default input shape of each module.
enum KerasPresets {
    private enum Form { case unitCentred, caffe, torch, pixels }

    private static let forms: [(form: Form, sizes: [String: Int])] = [
        (
            .unitCentred,
            [
                "xception": 299, "inceptionv3": 299, "inceptionresnetv2": 299, "mobilenet": 224, "mobilenetv2": 224,
                "nasnetmobile": 224, "nasnetlarge": 331, "resnet50v2": 224, "resnet101v2": 224, "resnet152v2": 224,
            ]
        ),
        (.caffe, ["vgg16": 224, "vgg19": 224, "resnet50": 224, "resnet101": 224, "resnet152": 224]),
        (.torch, ["densenet121": 224, "densenet169": 224, "densenet201": 224]),
        // These networks do their own normalisation.
        (
            .pixels,
            [
                "efficientnetb0": 224, "efficientnetb1": 240, "efficientnetb2": 260, "efficientnetb3": 300,
                "efficientnetb4": 380, "efficientnetb5": 456, "efficientnetb6": 528, "efficientnetb7": 600,
                "efficientnetv2b0": 224, "efficientnetv2b1": 240, "efficientnetv2b2": 260, "efficientnetv2b3": 300,
                "efficientnetv2s": 384, "efficientnetv2m": 480, "efficientnetv2l": 480, "mobilenetv3small": 224,
                "mobilenetv3large": 224, "convnexttiny": 224, "convnextsmall": 224, "convnextbase": 224,
                "convnextlarge": 224, "convnextxlarge": 224,
            ]
        ),
    ]

    /// - Returns: `nil` for an unknown name.
    static func preprocessing(_ name: String) throws -> Preprocessing? {
        let key = name.lowercased()
        for (form, sizes) in forms {
            guard let side = sizes[key] else { continue }
            let (channels, mean, std): (Preprocessing.Channels, [Float], [Float]) =
                switch form {
                case .unitCentred: (.rgb, [127.5, 127.5, 127.5], [127.5, 127.5, 127.5])
                case .caffe: (.bgr, [103.939, 116.779, 123.68], [1, 1, 1])
                case .torch: (.rgb, PixelNormalization.imageNet.mean, PixelNormalization.imageNet.std)
                case .pixels: (.rgb, [0, 0, 0], [1, 1, 1])
                }
            return try Preprocessing(
                width: side, height: side, channels: channels, resize: .stretch, interpolation: .bilinear, mean: mean,
                std: std)
        }
        return nil
    }
}
