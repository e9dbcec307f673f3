package import ModelGraph
import ONNXFormat
package import Tensors

#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif

/// What an ONNX file leaves open and its reader decides.
package struct ONNXImportSettings: Sendable {
    /// The first dimension of every input where the model names it instead of fixing it.
    package var batch: Int
    /// Whole shapes of inputs by name; needed where more than the batch is open.
    package var inputShapes: [String: [Int]]
    /// Inputs that become constants of the graph.
    package var fixedInputs: [String: Tensor]

    package init(batch: Int = 1, inputShapes: [String: [Int]] = [:], fixedInputs: [String: Tensor] = [:]) {
        self.batch = batch
        self.inputShapes = inputShapes
        self.fixedInputs = fixedInputs
    }
}

/// A trained network from an ONNX file.
package struct ONNXModel: Sendable {
    package let graph: Graph
    /// Version of the file format.
    package let irVersion: Int
    /// Version of the standard operators that the model uses.
    package let opset: Int
    /// The program that wrote the file, with its version; may be empty.
    package let producer: String
    /// What was decided while reading, one sentence each.
    package let notes: [String]

    /// The operator sets whose meaning is known.
    package static let opsets = 6...23
    /// Names of the operators that can be imported, sorted.
    package static var operators: [String] { OperatorTable.names }
    /// Which of them are supported on constants only: what they compute must be known when the file is read.
    package static var operatorsOnConstants: Set<String> { OperatorTable.onConstants }
    /// The most bytes of a model file, without external data: the limit of protocol buffers.
    package static let maximumFileBytes = maximumProtobufBytes
    /// The most bytes that constant operators (`ConstantOfShape` and arithmetic on constants) may make in all.
    package static let maximumFoldedBytes = 1 << 30

    /// Reads a model, with the external data beside it.
    ///
    /// - Parameter batch: The first dimension of the inputs where the model leaves it open.
    /// - Throws: ``ONNXImportError``
    package static func load(path: String, batch: Int = 1) throws(ONNXImportError) -> ONNXModel {
        try load(path: path, settings: ONNXImportSettings(batch: batch))
    }

    /// Reads a model, with the external data beside it.
    ///
    /// - Throws: ``ONNXImportError``
    package static func load(path: String, settings: ONNXImportSettings) throws(ONNXImportError) -> ONNXModel {
        do throws(ONNXImportError) {
            let content = try ModelContent(path: path, maximumBytes: maximumFileBytes)
            return try ONNXModel(content, folder: ModelFile.folder(of: path), settings: settings)
        } catch { throw error.at(path) }
    }

    /// Reads a model from memory.
    ///
    /// - Parameter folder: Where external data lies; `nil` refuses models that need it.
    /// - Throws: ``ONNXImportError``
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
        let skeleton = try ModelSkeleton(content)
        let proto: ONNXModelProto
        do throws(ONNXFormatError) { proto = try ONNXModelProto(parsing: skeleton.message) } catch {
            throw ONNXImportError(.malformed, "this is not an ONNX model: \(error.message)")
        }
        guard proto.hasGraph, !proto.graph.node.isEmpty || !proto.graph.output.isEmpty else {
            throw ONNXImportError(.malformed, "this is not an ONNX model: it holds no graph")
        }
        self.opset = try Self.standardOpset(of: proto)
        self.irVersion = Int(proto.irVersion)
        self.producer = [proto.producerName, proto.producerVersion].filter { !$0.isEmpty }.joined(separator: " ")
        var importer = GraphImporter(
            opset: opset, settings: settings, externalData: ExternalData(folder: folder),
            payloads: skeleton.payloads, of: content)
        self.graph = try importer.graph(from: proto.graph)
        self.notes = importer.notes
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
