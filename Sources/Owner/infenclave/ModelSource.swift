// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Crypto
import DarknetImport
import Evidence
import Foundation
import ModelGraph
import ONNXImport
import Partitioning
import Tensors

/// The options that name a model file.
struct ModelArguments: ParsableArguments {
    @Argument(help: "The model, an .onnx file or Darknet's .cfg.")
    var model: String
    @Option(
        help: ArgumentHelp(
            "The weights of a .cfg; without it, the .weights file of the same name beside it.", valueName: "file"))
    var weights: String?
    @Option(
        help: ArgumentHelp(
            "The input's shape, if the model leaves it open: 1,3,224,224 or NAME=1,3,224,224.",
            discussion: "Otherwise width and height come from a preprocess.json.", valueName: "shape"))
    var shape: String?
    @Option(
        help: ArgumentHelp(
            "The model's output with the class scores, if it has several outputs.",
            discussion:
                "With `run`, a .npy file or a path in an existing folder names the file for the result instead.",
            valueName: "name")
    )
    var output: [String] = []
    @Option(
        help: ArgumentHelp(
            "Round the weights of convolutions and matrix products: f32 (not at all), bf16 or int8.",
            discussion: """
                A bundle stores rounded weights in half or a quarter of the bytes. For the precision of the \
                computation see --precision.
                """, valueName: "type"))
    var storeWeights = "f32"
    @Option(
        help: ArgumentHelp(
            "What the output is: logits, to which softmax is applied, or probabilities.",
            discussion: "Default: probabilities where the last layers keep every value from 0 to 1, else logits.",
            valueName: "kind"))
    var scores: ScoreKind?

    /// The format to which weights are rounded; `nil` if they are not.
    var storedWeights: StoredWeights? { StoredWeights(rawValue: storeWeights) }

    func validate() throws {
        try shape.map(ONNXImportSettings.validate(shape:))
        guard storeWeights == "f32" || storedWeights != nil else {
            throw ValidationError("--store-weights takes f32, bf16 or int8, not '\(storeWeights)'")
        }
        guard output.filter({ !Self.isFile($0) }).count <= 1 else {
            throw ValidationError("--output names one output of the model")
        }
    }

    /// The file for the result, if `--output` names one.
    var outputFile: String? { output.first(where: Self.isFile) }

    /// Names of outputs may contain slashes, too.
    private static func isFile(_ name: String) -> Bool {
        if name.hasSuffix(".npy") { return true }
        var isFolder: ObjCBool = false
        let folder = URL(filePath: name).deletingLastPathComponent().path
        return name.contains("/") && FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder)
            && isFolder.boolValue && folder != "/"
    }

    /// - Parameter preprocess: Gives the image size, if the model leaves it open.
    /// - Parameter asInFile: Keeps a single score, from which two classes are made otherwise.
    /// - Parameter tensor: The .npy file that the model will be run on. Its shape fixes axes that the model leaves open.
    /// - Parameter rounding: Whether `--store-weights` is obeyed.
    func load(
        for preprocess: PreprocessArguments? = nil, batch: Int = 1, asInFile: Bool = false, tensor: String? = nil,
        rounding: Bool = true
    ) throws -> LoadedModel {
        var settings = ONNXImportSettings(batch: batch)
        settings.output = output.first { !Self.isFile($0) }
        if let shape {
            try settings.setShape(shape)
        } else if let tensor {
            settings.tensorShape = try PreprocessArguments.tensor(tensor).shape.dimensions
        }
        if shape == nil, let known = try preprocess?.stated(besides: model) {
            settings.pictureSize = .init(channels: known.channels.count, height: known.height, width: known.width)
        }
        var loaded = try LoadedModel(
            path: model, weights: weights, settings: settings, asInFile: asInFile, scores: scores)
        if let storedWeights, rounding { try loaded.roundWeights(to: storedWeights) }
        if let note = loaded.scoresNote { printError("note: \(note)") }
        return loaded
    }
}

extension ScoreKind: ExpressibleByArgument {}

extension ScoreKind {
    /// What becomes of the output, for people.
    var summary: String {
        switch self {
        case .logits: "logits: answers have their softmax"
        case .probabilities: "probabilities: answers have them as they are"
        }
    }
}

extension ONNXImportSettings {
    /// Shape and output of a model as its options name them; `nil` leaves that to the file.
    ///
    /// - Throws: `ValidationError` for a shape that is none.
    init(shape: String?, output: String?) throws {
        self.init()
        if let shape { try setShape(shape) }
        self.output = output
    }

    static func validate(shape: String) throws { _ = try parsed(shape) }

    fileprivate mutating func setShape(_ text: String) throws {
        let (name, extents) = try Self.parsed(text)
        if let name { inputShapes[name] = extents } else { inputShape = extents }
    }

    private static func parsed(_ text: String) throws -> (name: String?, extents: [Int]) {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false)
        let extents = (parts.last ?? "").split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count <= 2, !extents.isEmpty, extents.count <= Shape.maximumRank,
            extents.allSatisfy({ ($0 ?? 0) > 0 })
        else {
            throw ValidationError("--shape is '\(text)', expected extents such as 1,3,224,224 or NAME=1,3,224,224")
        }
        return (parts.count == 2 ? String(parts[0]) : nil, extents.compactMap { $0 })
    }
}

/// A model in memory.
struct LoadedModel: Sendable {
    let path: String
    private(set) var graph: Graph
    /// What the file's output is.
    let scores: ScoreKind
    /// Why `--scores` says something else than the last layers show; `nil` where both agree.
    let scoresNote: String?
    private let isAsInFile: Bool
    /// The model's files, in the order in which they are digested.
    private let files: [String]
    private let described: Result<Preprocessing?, CommandFailure>
    /// The form in which the file takes images, if it differs from the graph's.
    let picture: PictureInput?
    /// Decisions of the importer, one sentence each.
    let notes: [String]
    /// Whether the file's output is float16.
    let answersInHalf: Bool
    /// The program that wrote the file; may be empty.
    let producer: String

    /// The preprocessing that the file or its format defines, if any.
    ///
    /// - Throws: ``CommandFailure`` for metadata that demand what is not supported.
    func preprocessing() throws -> Preprocessing? { try described.get() }

    /// The format to which weights were rounded after the file was read.
    private(set) var storedWeights: StoredWeights?

    var name: String { URL(filePath: path).deletingPathExtension().lastPathComponent }

    fileprivate mutating func roundWeights(to stored: StoredWeights) throws {
        graph.roundWeightsInPlace(to: stored)
        storedWeights = stored
        // Rounded weights may put a bound beyond 1.
        if scores == .probabilities, !isAsInFile { graph = try graph.reading(.probabilities) }
    }

    /// - Parameters:
    ///   - asInFile: Whether the graph is that of the file, without a node for ``scores`` and without a second class.
    ///   - stated: What the output is; by default, what the last layers show.
    init(
        path: String, weights: String? = nil, settings: ONNXImportSettings = ONNXImportSettings(),
        asInFile: Bool = false, scores stated: ScoreKind? = nil
    ) throws {
        self.path = path
        isAsInFile = asInFile
        if path.lowercased().hasSuffix(".cfg") {
            let bytes = try InputFile.read(path)
            let file = weights ?? URL(filePath: path).deletingPathExtension().appendingPathExtension("weights").path
            let weightBytes = try InputFile.read(file)
            files = [path, file]
            (picture, notes, answersInHalf, producer) = (nil, [], false, "")
            let name = URL(filePath: path).deletingPathExtension().lastPathComponent
            let model: DarknetModel
            do throws(DarknetImportError) {
                model = try DarknetModel(
                    name: name, configuration: bytes.bytes, weights: weightBytes.bytes, batch: settings.batch)
            } catch {
                throw CommandFailure("model", "\(error.code == .weightsMismatch ? file : path): \(error.message)")
            }
            described = .success(model.preprocessing)
            (scores, scoresNote) = Self.scores(of: model.graph, stated)
            graph = asInFile ? model.graph : try model.graph.reading(scores)
            return
        }
        guard weights == nil else {
            throw CommandFailure("model", "\(path) is no .cfg: --weights goes with Darknet's configurations only")
        }
        try ModelFolder.refuse(path)
        files = [path]
        var settings = settings
        settings.isClassifier = true
        let model = try ONNXModel.load(path: path, settings: settings)
        (picture, answersInHalf, producer) = (model.picture, model.answersInHalf, model.producer)
        (scores, scoresNote) = Self.scores(of: model.graph, stated)
        if model.graph.hasOneScore, !asInFile {
            graph = try model.graph.withTwoClasses(scores)
            notes = model.notes + ["The only score is that of the second of two classes: give two class names."]
        } else {
            graph = asInFile ? model.graph : try model.graph.reading(scores)
            notes = model.notes
        }
        // Metadata that cannot be used matter only if no other preprocessing is named.
        do { described = .success(try Self.preprocessing(of: model)) } catch let failure as CommandFailure {
            described = .failure(failure.about(path))
        }
    }

    /// What the output is, and a note where that is not what the last layers show.
    private static func scores(of graph: Graph, _ stated: ScoreKind?) -> (ScoreKind, String?) {
        let shown = graph.scoreKind
        guard let stated, stated != shown else { return (shown, nil) }
        switch stated {
        case .logits:
            return (stated, "the last layers keep every value from 0 to 1; --scores logits applies softmax to them")
        case .probabilities:
            return (
                stated,
                "the last layers do not show that every value is from 0 to 1; with --scores probabilities, those beyond become 0 or 1"
            )
        }
    }

    /// The preprocessing that the file itself defines: pixels are passed as they are, and some exporters describe the
    /// input.
    private static func preprocessing(of model: ONNXModel) throws -> Preprocessing? {
        guard let picture = model.picture, let shape = model.graph.inputs.first?.type.shape, shape.rank == 4 else {
            return nil
        }
        if let described = try MetadataPreprocessing.preprocessing(model.metadata, shape) { return described }
        guard picture.takesPixels, [1, 3].contains(shape[1]) else { return nil }
        return try MetadataPreprocessing.centred(
            shape, shape[1] == 1 ? .grey : .rgb, mean: 0, std: 1)
    }

    /// SHA-256 of the file; for Darknet, of both files concatenated. With rounded weights, a text that names the format
    /// follows, so that assessments and plans of the rounded and the original network are distinguished.
    func sha256() throws -> String {
        var digest = SHA256()
        for file in files { try InputFile.update(&digest, with: file) }
        if let storedWeights { digest.update(data: Data("infenclave: weights in \(storedWeights.rawValue)".utf8)) }
        return digest.finalize().hex
    }

    /// The image tensor that the model takes.
    ///
    /// - Throws: ``CommandFailure`` when the model takes something else.
    func imageInput() throws -> Value {
        let input = try onlyInput()
        guard input.type.element == .float32, input.type.shape.rank == 4 else {
            throw CommandFailure(
                "model", "\(path): input '\(input.name)' is \(input.type), expected an f32 image tensor NxCxHxW",
                remedy: input.type.shape.rank == 2
                    ? "if each row is a flattened picture, give its axes: --shape 1,3,32,32, or 1,32,32,3 with channels last"
                    : "export the classifier with a picture as its input")
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

    /// The graph's inputs, one tensor per image, from a tensor in the file's form.
    func pictures(of tensor: Tensor) throws -> [Tensor] {
        let shape = try onlyInput().type.shape
        guard let picture else { return [tensor] }
        let all = try picture.tensor(from: tensor, for: shape)
        guard all.shape.rank == 4, all.shape[0] > shape[0], all.shape[0] % max(shape[0], 1) == 0 else { return [all] }
        let values = try all.floats()
        return try stride(from: 0, to: values.count, by: shape.elementCount).map { start in
            try Tensor(Array(values[start..<start + shape.elementCount]), shape: shape.dimensions)
        }
    }
}
