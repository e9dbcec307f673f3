import ArgumentParser
import Crypto
import DarknetImport
import Foundation
import ModelGraph
import ONNXImport
import Tensors

/// A model file, as commands name it.
struct ModelArguments: ParsableArguments {
    @Argument(help: "The model, an .onnx file or Darknet's .cfg.")
    var model: String
    @Option(help: "The weights of a .cfg; without it, the .weights file of the same name beside it.")
    var weights: String?

    func load(batch: Int = 1) throws -> LoadedModel {
        try LoadedModel(path: model, weights: weights, batch: batch)
    }
}

/// A model in memory.
struct LoadedModel: Sendable {
    let path: String
    let graph: Graph
    /// The model's files, in the order in which they are digested.
    private let files: [String]
    /// How the format makes a picture the input, where it says.
    let preprocessing: Preprocessing?

    var name: String { URL(filePath: path).deletingPathExtension().lastPathComponent }

    init(path: String, weights: String? = nil, batch: Int = 1) throws {
        self.path = path
        if path.lowercased().hasSuffix(".cfg") {
            let bytes = try InputFile.read(path)
            let file = weights ?? URL(filePath: path).deletingPathExtension().appendingPathExtension("weights").path
            let weightBytes = try InputFile.read(file)
            files = [path, file]
            let name = URL(filePath: path).deletingPathExtension().lastPathComponent
            do throws(DarknetImportError) {
                let model = try DarknetModel(
                    name: name, configuration: bytes.bytes, weights: weightBytes.bytes, batch: batch)
                (graph, preprocessing) = (model.graph, model.preprocessing)
            } catch {
                throw CommandFailure("model", "\(error.code == .weightsMismatch ? file : path): \(error.message)")
            }
            return
        }
        guard weights == nil else {
            throw CommandFailure("model", "\(path) is no .cfg: --weights goes with Darknet's configurations only")
        }
        files = [path]
        graph = try ONNXModel.load(path: path, batch: batch).graph
        preprocessing = nil
    }

    /// SHA-256 of the file; of Darknet's two, one after the other.
    func sha256() throws -> String {
        var digest = SHA256()
        for file in files { try InputFile.update(&digest, with: file) }
        return digest.finalize().hexadecimal
    }

    /// The image tensor that the model takes.
    ///
    /// - Throws: ``CommandFailure`` when the model takes something else.
    func imageInput() throws -> Value {
        let input = try onlyInput()
        guard input.type.element == .float32, input.type.shape.rank == 4 else {
            throw CommandFailure(
                "model", "\(path): input '\(input.name)' is \(input.type), expected an f32 image tensor NxCxHxW")
        }
        return input
    }

    /// - Throws: ``CommandFailure`` when the model takes several tensors, or none.
    func onlyInput() throws -> Value {
        guard graph.inputs.count == 1 else {
            throw CommandFailure(
                "model",
                "\(path) has \(graph.inputs.count) inputs (\(graph.inputs.map(\.name).joined(separator: ", "))), expected one",
                remedy: "export the classifier with the image as its only input")
        }
        return graph.inputs[0]
    }
}

extension Sequence<UInt8> {
    var hexadecimal: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
