// SPDX-License-Identifier: Apache-2.0
import ONNXFormat

extension GraphImporter {
    private static let standardOperators = Set(OperatorTable.names)

    /// Refuses operators that are supported in no form, before weights are read.
    ///
    /// - Parameter order: Indices of the nodes that are needed.
    func checkOperators(of nodes: [ONNXNodeProto], _ order: [Int]) throws(ONNXImportError) {
        for index in order {
            let node = nodes[index]
            let isKnown =
                node.isStandard
                ? Self.standardOperators.contains(node.opType)
                : node.domain == "com.microsoft" && OperatorTable.runtimeLowerings[node.opType] != nil
            guard isKnown else { throw unknown(node, node.name.isEmpty ? "\(node.opType)_\(index)" : node.name) }
        }
    }

    /// The error for an unsupported operator, with a remedy.
    func unknown(_ proto: ONNXNodeProto, _ name: String) -> ONNXImportError {
        let domain = proto.isStandard ? "" : "\(proto.domain)."
        let place = "node '\(name)': operator \(domain)\(proto.opType) (opset \(opset)) is not supported"
        if proto.isStandard, let reason = OperatorTable.reasons[proto.opType] {
            return ONNXImportError(.unsupported, "\(place): \(reason)")
        }
        if proto.isStandard, ConstantOperators.table[proto.opType] != nil {
            return ONNXImportError(
                .unsupported,
                "\(place) on values that depend on the picture, only on constants: simplify the model with onnxslim")
        }
        switch proto.domain {
        case "", "ai.onnx":
            return ONNXImportError(
                .unsupported,
                "\(place): Documentation/operators.md lists what is; simplify the model with onnxslim, or replace the layer"
            )
        case "com.microsoft.nchwc":
            return ONNXImportError(
                .unsupported,
                "\(place): the file was saved for one processor; save it again with "
                    + "graph_optimization_level ORT_ENABLE_EXTENDED, or take the file it was made from")
        case "ai.onnx.ml":
            return ONNXImportError(
                .unsupported, "\(place): cut it away with --output NAME, where NAME holds the scores before it")
        default:
            return ONNXImportError(
                .unsupported,
                "\(place): export the model without the operators of \(proto.domain), or take the file from before "
                    + "an engine optimised it")
        }
    }
}
