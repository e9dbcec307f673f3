// SPDX-License-Identifier: Apache-2.0
import Foundation
import StrictJSON
import Tensors

/// Sources of a preprocessing: a file in this project's or a library's format, or a preset's name.
enum PreprocessSource {
    /// File names that are looked for beside a model, in this order.
    static let usualNames = ["preprocess.json", "preprocessor_config.json", "config.json"]

    private static let kerasPrefix = "keras:"

    /// Whether the preset's size is only the default of a size that the model's owner chooses: `input_shape` of the
    /// classes of `keras.applications`.
    static func isForAnySize(_ name: String) -> Bool { name.hasPrefix(kerasPrefix) }

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
        if name.hasPrefix(kerasPrefix) {
            guard let preset = try KerasPresets.preprocessing(String(name.dropFirst(kerasPrefix.count))) else {
                throw CommandFailure(
                    "preprocess", "\(name) is no preset",
                    remedy: "name a class of keras.applications, such as keras:MobileNetV2, or a file")
            }
            return preset
        }
        return try file(name)
    }

    private static let remedy =
        "correct it, or name another preprocessing: --preprocess FILE, torchvision:NAME or keras:NAME "
        + "(Documentation/deploying.md, preprocess.json)"

    static func file(_ path: String) throws -> Preprocessing {
        let json = try InputFile.read(path, maximumBytes: 1 << 20)
        do {
            let members = (try? JSONSerialization.jsonObject(with: json)) as? [String: Any] ?? [:]
            let libraries = JSONDecoder()
            libraries.keyDecodingStrategy = .convertFromSnakeCase
            switch Form(of: Set(members.keys)) {
            case .timm: return try libraries.decode(TimmPreprocessing.self, from: json).preprocessing()
            case .transformers:
                return try libraries.decode(TransformersPreprocessing.self, from: json)
                    .preprocessing(nulls: Set(members.filter { $0.value is NSNull }.keys))
            case .own, nil: return try Preprocessing(strictlyDecoding: Array(json), name: "the file")
            }
        } catch {
            throw CommandFailure("preprocess", "\(path): \(describe(error))", remedy: remedy)
        }
    }

    /// The form of a file, recognised by its members.
    private enum Form {
        case own, timm, transformers

        /// - Returns: `nil` for members that are those of no preprocessing.
        init?(of members: Set<String>) {
            let processor: Set = [
                "image_processor_type", "feature_extractor_type", "do_normalize", "do_resize", "do_rescale",
                "image_mean", "image_std",
            ]
            if TimmPreprocessing.isMeant(by: members) {
                self = .timm
            } else if !members.isDisjoint(with: processor) {
                self = .transformers
            } else if members.isSuperset(of: ["width", "height"]),
                !members.isDisjoint(with: ["resize", "channels", "interpolation", "mean", "std"])
            {
                self = .own
            } else {
                return nil
            }
        }
    }

    /// The preprocessing file beside a model; `nil` if there is none.
    ///
    /// - Throws: ``CommandFailure`` for a `config.json` that cannot be read.
    static func beside(_ model: String) throws -> String? {
        let folder = URL(filePath: model).deletingLastPathComponent()
        let paths = usualNames.map { folder.appending(path: $0).path }
        return try paths.first { path in
            guard FileManager.default.fileExists(atPath: path) else { return false }
            return try !path.hasSuffix("/config.json") || !isOfSomethingElse(path)
        }
    }

    /// A `config.json` beside the model that has no preprocessing, and is passed over.
    static func passedOver(beside model: String) throws -> String? {
        guard try beside(model) == nil else { return nil }
        let path = URL(filePath: model).deletingLastPathComponent().appending(path: "config.json").path
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    /// Whether a `config.json`, which may contain anything, is not of a form that is read here.
    private static func isOfSomethingElse(_ path: String) throws -> Bool {
        let json = try InputFile.read(path, maximumBytes: 64 << 20)
        let members = (try? JSONSerialization.jsonObject(with: json)) as? [String: Any] ?? [:]
        return Form(of: Set(members.keys)) == nil
    }

    private static func describe(_ error: any Error) -> String {
        switch error {
        case let error as TensorError: error.message
        case let fault as JSONFault: fault.description
        case DecodingError.keyNotFound(let key, _): "'\(key.stringValue)' is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            "\(context.codingPath.map { inFile($0.stringValue) }.joined(separator: ".")) is not what the form demands"
        case DecodingError.dataCorrupted(let context): context.debugDescription
        default: "it cannot be read"
        }
    }

    /// A member's name as the file has it: libraries write snake case, and no name of this project's has capitals.
    private static func inFile(_ name: String) -> String {
        name.map { $0.isUppercase ? "_\($0.lowercased())" : String($0) }.joined()
    }
}
