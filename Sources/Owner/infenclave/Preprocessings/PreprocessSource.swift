// SPDX-License-Identifier: Apache-2.0
import Foundation
import StrictJSON
import Tensors

/// Sources of a preprocessing: a file in this project's or a library's format, or a preset's name.
enum PreprocessSource {
    /// File names that are looked for beside a model, in this order.
    static let usualNames = ["preprocess.json", "preprocessor_config.json", "config.json"]

    /// The preprocessing that `name` denotes.
    ///
    /// - Throws: ``CommandFailure`` that says why the file or the name is invalid.
    static func preprocessing(_ name: String) throws -> Preprocessing {
        if name.hasPrefix("torchvision:") {
            guard let preset = try TorchvisionPresets.preprocessing(String(name.dropFirst("torchvision:".count))) else {
                throw CommandFailure(
                    "preprocess", "\(name) is no preset",
                    remedy: "name a classifier of torchvision, such as torchvision:resnet50 or "
                        + "torchvision:resnet50:IMAGENET1K_V1, or a file")
            }
            return preset
        }
        if name.hasPrefix("keras:") {
            guard let preset = try KerasPresets.preprocessing(String(name.dropFirst("keras:".count))) else {
                throw CommandFailure(
                    "preprocess", "\(name) is no preset",
                    remedy: "name a class of keras.applications, such as keras:MobileNetV2, or a file")
            }
            return preset
        }
        return try file(name)
    }

    static func file(_ path: String) throws -> Preprocessing {
        let json = try InputFile.read(path, maximumBytes: 1 << 20)
        do {
            let members = (try? JSONSerialization.jsonObject(with: json)) as? [String: Any] ?? [:]
            let libraries = JSONDecoder()
            libraries.keyDecodingStrategy = .convertFromSnakeCase
            if members["pretrained_cfg"] != nil {
                return try libraries.decode(TimmPreprocessing.self, from: json).preprocessing()
            }
            if members["image_processor_type"] != nil || members["feature_extractor_type"] != nil
                || members["do_normalize"] != nil || members["do_resize"] != nil
            {
                return try libraries.decode(TransformersPreprocessing.self, from: json)
                    .preprocessing(nulls: Set(members.filter { $0.value is NSNull }.keys))
            }
            return try Preprocessing(strictlyDecoding: Array(json), name: "the file")
        } catch {
            throw CommandFailure(
                "preprocess", "\(path): \(describe(error))",
                remedy: "Documentation/deploying.md describes the form of preprocess.json")
        }
    }

    /// The preprocessing file beside a model; `nil` if there is none.
    static func beside(_ model: String) -> String? {
        let folder = URL(filePath: model).deletingLastPathComponent()
        return usualNames.map { folder.appending(path: $0).path }.first { path in
            guard FileManager.default.fileExists(atPath: path) else { return false }
            // A config.json may contain anything.
            return !path.hasSuffix("/config.json") || (try? file(path)) != nil
        }
    }

    private static func describe(_ error: any Error) -> String {
        switch error {
        case let error as TensorError: error.message
        case let fault as JSONFault: fault.description
        case DecodingError.keyNotFound(let key, _): "'\(key.stringValue)' is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            "\(context.codingPath.map(\.stringValue).joined(separator: ".")) is not what the form demands"
        case DecodingError.dataCorrupted(let context): context.debugDescription
        default: "it cannot be read"
        }
    }
}
