// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
package import Tensors

/// The inputs and outputs of a BackNet, with the names of `backnet.onnx`.
package struct BackNetSignature: Sendable, Hashable {
    package let inputs: [Value]
    package let outputs: [Value]

    /// - Throws: ``EngineError`` (`invalidAddress`) if a tensor is not float32, the only type that engines are asked
    ///   for.
    package init(inputs: [Value], outputs: [Value]) throws(EngineError) {
        for value in inputs + outputs where value.type.element != .float32 {
            throw EngineError(
                .invalidAddress, "tensor '\(value.name)' of the BackNet is \(value.type); engines get float32 only",
                remedy: "serve this bundle without --backnet")
        }
        self.inputs = inputs
        self.outputs = outputs
    }

    package init(_ graph: Graph) throws(EngineError) {
        try self.init(
            inputs: graph.inputs, outputs: graph.outputs.map { Value(name: $0, type: graph.type(of: $0)) })
    }

    /// - Throws: ``EngineError`` (`wrongAnswer`) for tensors that do not fit the BackNet.
    package func checkInputs(_ tensors: [Tensor]) throws(EngineError) {
        guard tensors.map(\.type) == inputs.map(\.type) else {
            throw EngineError(
                .wrongAnswer, "the enclave gave other tensors than the BackNet takes",
                remedy: "serve the bundle that the enclave was given")
        }
    }

    /// Checks the results of an engine before they go to the enclave, which checks them again.
    ///
    /// - Throws: ``EngineError`` (`wrongAnswer`, `notFinite`).
    package func check(_ tensors: [Tensor]) throws(EngineError) {
        for (output, tensor) in zip(outputs, tensors) {
            guard tensor.type == output.type else {
                throw EngineError(
                    .wrongAnswer, "output '\(output.name)' is \(tensor.type), expected \(output.type)",
                    remedy: Self.deploy)
            }
            guard tensor.withElements(as: Float.self, { $0.allSatisfy(\.isFinite) }) else {
                throw EngineError(
                    .notFinite, "output '\(output.name)' has values that are not finite", remedy: Self.deploy)
            }
        }
    }

    package static let deploy = "load the bundle's backnet.onnx into the engine under this name"
}
