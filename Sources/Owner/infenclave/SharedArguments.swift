import ArgumentParser
import Foundation
import HostCore
import Imaging
import ModelGraph
import StrictJSON
import Tensors

/// How pictures become the model's input.
struct PreprocessArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The preprocessing, a JSON file.",
            discussion:
                "Without it: a preprocess.json beside the model, else the format's own (Darknet's letterbox), else ImageNet's usual."
        ))
    var preprocess: String?

    /// As if this file had been named on the command line.
    static func file(_ path: String?) -> PreprocessArguments {
        var arguments = PreprocessArguments()
        arguments.preprocess = path
        return arguments
    }

    /// The preprocessing for a model, checked against its input.
    func resolved(for model: LoadedModel) throws -> Preprocessing {
        let beside = URL(filePath: model.path).deletingLastPathComponent().appending(path: "preprocess.json").path
        let file = preprocess ?? (FileManager.default.fileExists(atPath: beside) ? beside : nil)
        return try Self.read(file, for: model)
    }

    static func read(_ file: String?, for model: LoadedModel) throws -> Preprocessing {
        var preprocessing = model.preprocessing ?? Preprocessing.imageNet
        if let file {
            let json = try InputFile.read(file, maximumBytes: 1 << 20)
            do { preprocessing = try Preprocessing(strictlyDecoding: Array(json), name: "the file") } catch {
                throw CommandFailure(
                    "preprocess", "\(file): \(describe(error))",
                    remedy: "Documentation/deploying.md describes the form of preprocess.json")
            }
        }
        let shape = try model.imageInput().type.shape
        let expected = [preprocessing.channels.count, preprocessing.height, preprocessing.width]
        guard Array(shape.dimensions.dropFirst()) == expected else {
            throw CommandFailure(
                "preprocess",
                "\(model.path) takes \(shape), the preprocessing makes 1x\(expected.map(String.init).joined(separator: "x"))",
                remedy: "give the model's own with --preprocess FILE.json")
        }
        return preprocessing
    }

    /// The f32 tensor of a picture or of a .npy file.
    func input(_ path: String, for model: LoadedModel) throws -> Tensor {
        if path.lowercased().hasSuffix(".npy") {
            _ = try model.onlyInput()
            return try Self.tensor(path)
        }
        let preprocessing = try resolved(for: model)
        return try Preprocessor(preprocessing).tensor(of: try Image(contentsOf: path))
    }

    static func tensor(_ path: String) throws -> Tensor {
        let bytes = [UInt8](try InputFile.read(path, maximumBytes: 1 << 30))
        do throws(TensorError) { return try Tensor(npy: bytes.span.bytes) } catch {
            throw CommandFailure("tensor", "\(path): \(error.message)")
        }
    }

    private static func describe(_ error: any Error) -> String {
        switch error {
        case let error as TensorError: error.message
        case DecodingError.keyNotFound(let key, _): "'\(key.stringValue)' is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            "\(context.codingPath.map(\.stringValue).joined(separator: ".")) is not what the form demands"
        case DecodingError.dataCorrupted(let context): context.debugDescription
        default: "it cannot be read"
        }
    }
}

/// How the engine runs.
struct EngineArguments: ParsableArguments {
    @Option(help: "Threads; as many as the processors that this process may use, unless said otherwise.")
    var threads: Int?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads takes 1 to 1024") }
    }

    func resolvedThreads() throws -> Int { threads ?? UsableProcessors.count() }
}

/// The server to talk to, and what is demanded of it.
struct ServerArguments: ParsableArguments {
    @Option(help: "The server, http://HOST:PORT.") var server: String
    @Option(help: "The policy that its enclave must satisfy, a JSON file.") var policy: String
    @Option(
        help: ArgumentHelp(
            "Accept this TEE, which the policy must name too.",
            discussion: "Only `development` needs it: a process that whoever owns the machine can read."))
    var tee: String?
    @OptionGroup var collateral: CollateralArguments

    func validate() throws {
        if let tee, tee != "development" {
            throw ValidationError("--tee takes only 'development'; hardware is accepted as the policy says")
        }
    }
}
