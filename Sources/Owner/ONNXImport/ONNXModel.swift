// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
import ONNXFormat
package import Tensors

#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif

/// Import settings for what an ONNX file leaves open.
package struct ONNXImportSettings: Sendable {
    /// The first dimension of every input, if the model declares it as dynamic.
    package var batch: Int
    /// Complete shapes of inputs by name; needed if more than the batch size is dynamic.
    package var inputShapes: [String: [Int]]
    /// Inputs that become constants of the graph.
    package var fixedInputs: [String: Tensor]
    /// The shape of the only input, whatever its name.
    package var inputShape: [Int]?
    /// The shape of the tensor that the model will be run on, for dynamic axes. One that does not fit is ignored.
    package var tensorShape: [Int]?
    /// The size of preprocessed images, for dynamic axes.
    package var pictureSize: PictureSize?
    /// Whether the model is imported as an image classifier: one input, f32 `[batch, channels, height, width]` in
    /// whatever form the file has it, and one output of scores.
    package var isClassifier = false
    /// The output to use instead of the file's.
    package var output: String?

    /// Extents of an image.
    package struct PictureSize: Sendable {
        package let channels, height, width: Int

        package init(channels: Int, height: Int, width: Int) {
            self.channels = channels
            self.height = height
            self.width = width
        }
    }

    package init(batch: Int = 1, inputShapes: [String: [Int]] = [:], fixedInputs: [String: Tensor] = [:]) {
        self.batch = batch
        self.inputShapes = inputShapes
        self.fixedInputs = fixedInputs
    }
}

/// A trained network from an ONNX file.
package struct ONNXModel: Sendable {
    package let graph: Graph
    /// Version of the file format (`ir_version`).
    package let irVersion: Int
    /// Version of the standard operators that the model uses.
    package let opset: Int
    /// The program that wrote the file, with its version; may be empty.
    package let producer: String
    /// Decisions of the importer, one sentence each.
    package let notes: [String]
    /// The file's metadata, by key.
    package let metadata: [String: String]
    /// Whether the file's output is float16; in the graph it is float32.
    package let answersInHalf: Bool
    /// The form in which the file takes an image, if it is imported as a classifier.
    package let picture: PictureInput?

    /// The supported operator sets.
    package static let opsets = 6...28
    /// Names of the operators that can be imported, sorted.
    package static var operators: [String] { OperatorTable.names }
    /// Operators that are supported on constants only: their operands must be known at import.
    package static var operatorsOnConstants: Set<String> { OperatorTable.onConstants }
    /// Names of ONNX Runtime's own operators that can be imported, sorted.
    package static var runtimeOperators: [String] { OperatorTable.runtimeNames }
    /// Limit of a model file's size without external data, in bytes: the limit of protocol buffers.
    package static let maximumFileBytes = maximumProtobufBytes
    /// Limit of the bytes of `ConstantOfShape`, by which files without weights represent the weights of a large
    /// network: VGG-19 has 548 MiB of weights.
    package static let maximumFilledBytes = 640 << 20
    /// Limit of the bytes that other constant folding may produce, in addition to 16 for each weight of the file.
    package static let maximumFoldedBytes = 1 << 27
    /// Limit of the elements of one constant that folding produces, beside four times those of the largest weight.
    static let maximumFoldedElements = 1 << 24
    /// The same for computations that need arrays of 64-bit numbers for their operands and results.
    static let maximumFoldedNumbers = 1 << 22
    /// Limit of the steps of constant folding, each an element that is moved, multiplied or compared, in addition to 32
    /// per weight of the file.
    package static let maximumFoldingSteps = 1 << 27

    /// Reads a model with its external data.
    ///
    /// - Parameter batch: The first dimension of the inputs, if the model leaves it open.
    /// - Throws: ``ONNXImportError``.
    package static func load(path: String, batch: Int = 1) throws(ONNXImportError) -> ONNXModel {
        try load(path: path, settings: ONNXImportSettings(batch: batch))
    }

    /// Reads a model with its external data.
    ///
    /// - Throws: ``ONNXImportError``.
    package static func load(path: String, settings: ONNXImportSettings) throws(ONNXImportError) -> ONNXModel {
        do throws(ONNXImportError) {
            let content = try ModelContent(path: path, maximumBytes: maximumFileBytes)
            return try ONNXModel(content, folder: ModelFile.folder(of: path), settings: settings)
        } catch { throw error.at(path) }
    }

    /// Reads a model from memory.
    ///
    /// - Parameter folder: The folder of external data; `nil` refuses models that need it.
    /// - Throws: ``ONNXImportError``.
    package init(
        bytes: Data, folder: String? = nil, settings: ONNXImportSettings = ONNXImportSettings()
    ) throws(ONNXImportError) {
        guard bytes.count <= Self.maximumFileBytes else {
            throw ONNXImportError(.tooLarge, "has \(bytes.count) bytes, the limit is \(Self.maximumFileBytes)")
        }
        try self.init(ModelContent(bytes), folder: folder, settings: settings)
    }

    private init(
        _ content: ModelContent, folder: String?, settings: ONNXImportSettings
    ) throws(ONNXImportError) {
        let (skeleton, proto) = try Self.parsed(content)
        self.metadata = Dictionary(
            proto.metadataProps.prefix(1 << 10).map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        self.opset = try Self.standardOpset(of: proto)
        self.irVersion = Int(proto.irVersion)
        self.producer = [proto.producerName, proto.producerVersion].filter { !$0.isEmpty }.joined(separator: " ")
        var importer = GraphImporter(
            opset: opset, settings: settings, externalData: ExternalData(folder: folder),
            payloads: skeleton.payloads, of: content)
        var graph = try importer.graph(from: proto.graph, functions: proto.functions)
        let isBatched = settings.isClassifier && graph.inputs.count == 1 && graph.inputs[0].type.shape.rank == 4
        let fixed = isBatched ? graph.inputs[0].type.shape[0] : settings.batch
        if fixed != settings.batch {
            graph = try Self.rebatched(graph, settings.batch)
        }
        self.graph = graph
        self.notes =
            importer.notes + (fixed == settings.batch ? [] : ["The batch of \(fixed) is taken as \(settings.batch)."])
        self.picture = importer.picture
        let output = proto.graph.output.first { $0.name == graph.outputs.first }
        self.answersInHalf =
            output?.type.tensorType.elemType == Int32(ONNXTensorProto.DataType.float16.rawValue)
    }

    /// A graph for another batch size than the file's.
    ///
    /// - Throws: ``ONNXImportError`` unless the result for each image is known not to depend on the others.
    private static func rebatched(_ graph: Graph, _ batch: Int) throws(ONNXImportError) -> Graph {
        guard graph.inputs[0].type.shape[0] == 1 else { return try ImageSeparation.graph(graph, for: batch) }
        // The images of a batch of 1 have no extent to follow, those of the larger batch have.
        if let result = try? graph.withBatch(batch), try ImageSeparation.graph(result, for: 1).types == graph.types {
            return result
        }
        throw ONNXImportError(
            .inputShape,
            "input '\(graph.inputs[0].name)' fixes a batch of 1, and so do layers of the model: export it with an open one "
                + "(torch.onnx.export with dynamic_axes={'\(graph.inputs[0].name)': {0: 'batch'}})")
    }

    /// - Throws: ``ONNXImportError`` that says what kind of file it is instead, if that is known.
    private static func parsed(
        _ content: ModelContent
    ) throws(ONNXImportError) -> (skeleton: ModelSkeleton, proto: ONNXModelProto) {
        var message = "it holds no graph"
        do throws(ONNXImportError) {
            let skeleton = try ModelSkeleton(content)
            do throws(ONNXFormatError) {
                let proto = try ONNXModelProto(parsing: skeleton.message)
                if proto.hasGraph, !proto.graph.node.isEmpty || !proto.graph.output.isEmpty { return (skeleton, proto) }
            } catch { message = error.message }
        } catch {
            guard error.code == .malformed else { throw error }
            message = error.message
        }
        let start = [UInt8](try content.bytes(at: 0..<min(64, content.byteCount)))
        let reason = FileKind.remedy(for: start) ?? message
        throw ONNXImportError(
            .malformed, reason.hasPrefix("this is not") ? reason : "this is not an ONNX model: \(reason)")
    }

    private static func standardOpset(of proto: ONNXModelProto) throws(ONNXImportError) -> Int {
        let standard = proto.opsetImport.filter { $0.domain.isEmpty || $0.domain == "ai.onnx" }
        guard let version = standard.first?.version else {
            throw ONNXImportError(.unsupported, "the model names no version of the standard operators")
        }
        guard standard.allSatisfy({ $0.version == version }) else {
            throw ONNXImportError(.malformed, "the model names several versions of the standard operators")
        }
        guard let opset = Int(exactly: version), opsets.contains(opset) else {
            throw ONNXImportError(
                .unsupported,
                "operator set \(version) is not supported, only \(opsets.lowerBound) to \(opsets.upperBound): "
                    + "convert the model with onnx.version_converter")
        }
        return opset
    }
}
