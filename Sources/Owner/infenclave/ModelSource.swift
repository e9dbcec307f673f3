import ArgumentParser
import Crypto
import Foundation
import ModelGraph
import ONNXImport
import Tensors

/// A model file, as commands name it.
struct ModelArguments: ParsableArguments {
    @Argument(help: "The model, an .onnx file.")
    var model: String

    func load(batch: Int = 1) throws -> LoadedModel { try LoadedModel(path: model, batch: batch) }
}

/// A model in memory.
struct LoadedModel: Sendable {
    let path: String
    let graph: Graph
    /// SHA-256 of the file.
    let sha256: String

    var name: String { URL(filePath: path).deletingPathExtension().lastPathComponent }

    init(path: String, batch: Int = 1) throws {
        self.path = path
        // The bytes are gone before the model is read.
        sha256 = SHA256.hash(data: try InputFile.read(path)).hexadecimal
        graph = try ONNXModel.load(path: path, batch: batch).graph
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
