// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
import ONNXFormat
import Tensors

#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif

/// Writes graphs as ONNX models, for other engines.
package enum ONNXFile {
    /// The oldest operator set that is written, which every current engine reads.
    static let oldestOpset = 13
    /// Limit of the weights in a file, in bytes.
    package static var maximumConstantBytes: Int { maximumProtobufBytes }

    /// The bytes of an ONNX model that computes the same as the graph; equal graphs give equal bytes. Names of nodes
    /// and values are kept. Importing the file gives the same graph, except for `Softmax` over several dimensions,
    /// which current operator sets express with three nodes.
    ///
    /// - Throws: ``ONNXExportError``.
    package static func encode(_ graph: Graph) throws(ONNXExportError) -> Data {
        guard graph.constantBytes <= maximumProtobufBytes else {
            throw ONNXExportError(
                code: .tooLarge,
                message: "weights of \(graph.constantBytes) bytes do not fit an ONNX file of \(maximumProtobufBytes)")
        }
        let opset = graph.nodes.map { neededOpset($0.operation) }.reduce(oldestOpset, max)
        var writer = GraphWriter(opset: opset, graph: graph)
        for node in graph.nodes { writer.write(node) }

        var model = ONNXModelProto()
        // The format version that came with the operator set.
        model.irVersion = opset < 19 ? 8 : 9
        model.producerName = "infenclave"
        var operators = ONNXOperatorSetIdProto()
        operators.domain = ""
        operators.version = Int64(opset)
        model.opsetImport = [operators]
        model.graph = writer.finish()
        do throws(ONNXFormatError) { return try model.fileBytes() } catch {
            throw ONNXExportError(code: .tooLarge, message: error.message)
        }
    }

    /// The first operator set with what this operation needs.
    private static func neededOpset(_ operation: Operation) -> Int {
        switch operation {
        case .activation(let activation) where activation.function == .hardSwish: 14
        case .activation(let activation) where activation.function == .mish: 18
        case .activation(let activation) where activation.function == .gelu || activation.function == .geluTanh: 20
        case .layerNormalization: 17
        case .pooling(let pooling)
        where pooling.kind != .maximum && pooling.window.dilations.contains(where: { $0 != 1 }):
            19
        default: oldestOpset
        }
    }
}
