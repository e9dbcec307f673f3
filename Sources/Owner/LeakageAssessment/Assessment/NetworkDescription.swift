// SPDX-License-Identifier: Apache-2.0
internal import Crypto
internal import Hexadecimal
internal import ModelGraph

extension AssessmentConfiguration.Network {
    /// What reports and `assessment.json` say of the network.
    ///
    /// - Throws: ``AssessmentError`` `.engine` when the graph cannot be renamed.
    package func description() throws(AssessmentError) -> AssessmentResult.NetworkDescription {
        let nameless: Graph
        // Darknet's graphs have the name of their file, and a copy under another name is the same network.
        do throws(GraphError) {
            nameless = try Graph(
                name: "", inputs: graph.inputs, outputs: graph.outputs, nodes: graph.nodes, constants: graph.constants)
        } catch { throw AssessmentError(.engine, "\(name): \(error.message)") }
        return AssessmentResult.NetworkDescription(
            name: name, sha256: sha256, graphSHA256: nameless.sha256, output: graph.outputs.first ?? "",
            scores: scores, preprocessing: preprocessing, classes: classes, parameters: graph.parameters,
            multiplyAdds: graph.multiplyAddsByNode.reduce(0, +))
    }
}

extension Graph {
    /// SHA-256 of the canonical encoding, 64 lower-case hexadecimal digits.
    var sha256: String {
        var digest = SHA256()
        GraphFile.visit(self) { digest.update(bufferPointer: $0) }
        return digest.finalize().hex
    }
}
