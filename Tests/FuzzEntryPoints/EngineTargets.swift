// SPDX-License-Identifier: Apache-2.0
import EngineMessages
import ModelGraph
import Tensors

enum EngineTargets {
    static let signature = Result {
        try BackNetSignature(
            inputs: [Value(name: "in", type: TensorType(.float32, try Shape([1, 2])))],
            outputs: [
                Value(name: "out", type: TensorType(.float32, try Shape([1, 2, 2]))),
                Value(name: "scores", type: TensorType(.float32, try Shape([1, 3]))),
            ])
    }

    /// An engine's answer: u16, what the header `Inference-Header-Content-Length` says, or 65,535 for none; then the body.
    static func inferResponse(_ bytes: UnsafeRawBufferPointer) throws {
        guard bytes.count >= 2 else { throw TensorError(.malformed, "too few bytes") }
        let jsonBytes = Int(bytes[0]) | Int(bytes[1]) << 8
        let signature = try signature.get()
        let tensors = try InferResponse.outputs(
            from: Array(bytes.dropFirst(2)), jsonBytes: jsonBytes == 0xFFFF ? nil : jsonBytes, model: "model",
            signature: signature)
        promise(tensors.map(\.type) == signature.outputs.map(\.type), "an answer has the outputs of the signature")
        promise(tensors.allSatisfy { $0.withElements(as: Float.self) { $0.allSatisfy(\.isFinite) } }, "it is finite")
    }
}
