// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import HostCore
import Imaging
import ModelGraph
import ONNXImport
import ProxyCommand
import Tensors

/// Options for preprocessing images.
struct PreprocessArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The preprocessing: a preprocess.json, transformers' preprocessor_config.json, timm's config.json, torchvision:NAME or keras:NAME.",
            discussion:
                "Default: one of these files beside the model, else the model's own (Darknet's letterbox, pixels), else that of ImageNet at the model's size.",
            valueName: "file"))
    var preprocess: String?

    /// The same as naming this file on the command line.
    static func file(_ path: String?) -> PreprocessArguments {
        var arguments = PreprocessArguments()
        arguments.preprocess = path
        return arguments
    }

    /// The preprocessing that the user names, or that of a file beside the model; `nil` if there is neither.
    func stated(besides model: String) throws -> Preprocessing? {
        try (preprocess ?? (try PreprocessSource.beside(model))).map(PreprocessSource.preprocessing)
    }

    /// The preprocessing for a model, checked against its input.
    func resolved(for model: LoadedModel) throws -> Preprocessing {
        let shape = try model.imageInput().type.shape
        var preprocessing = try stated(besides: model.path) ?? unstated(for: model)
        let (height, width) = (shape[2], shape[3])
        if let preprocess, PreprocessSource.isForAnySize(preprocess),
            (preprocessing.height, preprocessing.width) != (height, width)
        {
            printError(
                "note: \(preprocess) usually takes \(preprocessing.width)x\(preprocessing.height) pixels: pictures are "
                    + "stretched to the model's \(width)x\(height)")
            preprocessing = try Preprocessing(
                width: width, height: height, channels: preprocessing.channels, resize: preprocessing.resize,
                interpolation: preprocessing.interpolation, mean: preprocessing.normalization.mean,
                std: preprocessing.normalization.std)
        }
        if model.picture?.takesPixels == true {
            // The model does its own normalisation.
            let count = preprocessing.channels.count
            preprocessing = try Preprocessing(
                width: preprocessing.width, height: preprocessing.height, channels: preprocessing.channels,
                resize: preprocessing.resize, interpolation: preprocessing.interpolation,
                mean: [Float](repeating: 0, count: count), std: [Float](repeating: 1, count: count))
        }
        let expected = [preprocessing.channels.count, preprocessing.height, preprocessing.width]
        guard Array(shape.dimensions.dropFirst()) == expected else {
            throw CommandFailure(
                "preprocess",
                "\(model.path) takes \(shape), the preprocessing makes 1x\(expected.map(String.init).joined(separator: "x"))",
                remedy: "give the model's own with --preprocess FILE.json")
        }
        return preprocessing
    }

    /// The model's own preprocessing, or ImageNet's usual one.
    private func unstated(for model: LoadedModel) throws -> Preprocessing {
        if let own = try model.preprocessing() { return own }
        if let path = try PreprocessSource.passedOver(beside: model.path) {
            printError("note: \(path) has no members of a preprocessing and is passed over")
        }
        return try Self.usual(for: model)
    }

    /// ImageNet's usual preprocessing at the size that a model takes, with a warning if that is another than 224x224 or
    /// the model comes from TensorFlow, whose networks are normalised in several other ways.
    private static func usual(for model: LoadedModel) throws -> Preprocessing {
        let shape = try model.imageInput().type.shape
        let usual = try TorchvisionPresets.usualPreprocessing()
        let (height, width) = (shape[2], shape[3])
        guard shape[1] == usual.channels.count else { return usual }
        let isUsualSize = height == usual.height && width == usual.width
        let isFromTensorFlow = ["tf2onnx", "keras2onnx"].contains { model.producer.hasPrefix($0) }
        if isUsualSize, !isFromTensorFlow { return usual }
        let hint = isFromTensorFlow ? ", such as keras:MobileNetV2 for a network of keras.applications" : ""
        printError(
            "warning: nothing says how the model takes pictures: they are scaled to \(width)x\(height) and normalised as for "
                + "ImageNet; if it was trained otherwise, name that with --preprocess\(hint)")
        if isUsualSize { return usual }
        let scaled = try MetadataPreprocessing.centred(shape, .rgb, mean: 0, std: 1)
        return try Preprocessing(
            width: width, height: height, channels: .rgb, resize: scaled.resize, interpolation: .bilinear,
            mean: usual.normalization.mean, std: usual.normalization.std)
    }

    /// The f32 tensor for an image or for a .npy file.
    func input(_ path: String, for model: LoadedModel) throws -> Tensor {
        guard let first = try inputs(path, for: model).first else {
            throw CommandFailure("tensor", "\(path) holds no picture")
        }
        return first
    }

    /// The f32 tensors for an image, or for a .npy file that may hold several.
    func inputs(_ path: String, for model: LoadedModel) throws -> [Tensor] {
        if Self.isTensor(path) {
            _ = try model.onlyInput()
            return try model.pictures(of: try Self.tensor(path))
        }
        let preprocessing = try resolved(for: model)
        return [try Preprocessor(preprocessing).tensor(of: try Image(named: path))]
    }

    static func isTensor(_ path: String) -> Bool { path.lowercased().hasSuffix(".npy") }

    static func tensor(_ path: String) throws -> Tensor {
        let bytes = [UInt8](try InputFile.read(path, maximumBytes: 1 << 30))
        do throws(TensorError) { return try Tensor(npy: bytes.span.bytes) } catch {
            throw CommandFailure("tensor", "\(path): \(error.message)")
        }
    }
}

/// Options of the engine.
struct EngineArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Threads. Default: the number of processors that this process may use.", valueName: "n"))
    var threads: Int?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads takes 1 to 1024") }
    }

    func resolvedThreads() throws -> Int { threads ?? UsableProcessors.count() }
}

/// The server to connect to, and the policy for it.
struct ServerArguments: ParsableArguments {
    @Option(help: ArgumentHelp("The server, http://HOST:PORT.", valueName: "url")) var server: String
    @Option(help: ArgumentHelp("The policy that its enclave must satisfy, a JSON file.", valueName: "file")) var policy:
        String
    @Option(
        help: ArgumentHelp(
            "Accept this TEE; the policy must name it too.",
            discussion: "Needed for `development` only, a process that the machine's owner can read.", valueName: "kind"
        ))
    var tee: String?
    @OptionGroup var collateral: CollateralArguments

    func validate() throws {
        if let tee, tee != "development" {
            throw ValidationError("--tee takes only 'development'; hardware is accepted as the policy says")
        }
    }
}
