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

    /// The error for an unsupported operator, with the reason and the remedy of ``RefusedOperators``.
    func unknown(_ proto: ONNXNodeProto, _ name: String) -> ONNXImportError {
        let domain = proto.isStandard ? "" : proto.domain
        let operatorName = domain.isEmpty ? proto.opType : "\(domain).\(proto.opType)"
        let isOnConstants = domain.isEmpty && OperatorTable.onConstants.contains(proto.opType)
        let explanation = RefusedOperators.explanation(of: proto.opType, domain: domain)
        return ONNXImportError(
            .unsupported,
            "node '\(name)': operator \(operatorName) (opset \(opset)) is not supported"
                + "\(isOnConstants ? " on values that depend on the picture" : ""): "
                + "\(explanation.reason); \(explanation.remedy)")
    }
}
