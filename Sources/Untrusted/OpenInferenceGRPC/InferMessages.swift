// SPDX-License-Identifier: Apache-2.0
import EngineMessages
import Foundation
import ModelGraph
import OpenInferenceMessages
import SwiftProtobuf
import Tensors

extension Inference_ModelInferRequest {
    /// Tensors as raw contents, which all engines take.
    ///
    /// - Throws: ``EngineError`` (`wrongAnswer`) for tensors that do not fit the BackNet.
    init(_ tensors: [Tensor], for signature: BackNetSignature, model: String) throws(EngineError) {
        try signature.checkInputs(tensors)
        self.init()
        modelName = model
        inputs = signature.inputs.map { input in
            .with {
                ($0.name, $0.datatype) = (input.name, "FP32")
                $0.shape = input.type.shape.dimensions.map { Int64($0) }
            }
        }
        outputs = signature.outputs.map { output in .with { $0.name = output.name } }
        rawInputContents = tensors.map { $0.withBytes { Data($0) } }
    }
}

extension Inference_ModelInferResponse {
    /// The BackNet's outputs, as raw contents or as numbers.
    ///
    /// - Throws: ``EngineError``: `malformedAnswer`, `wrongAnswer`.
    func tensors(model: String, signature: BackNetSignature) throws(EngineError) -> [Tensor] {
        guard modelName.isEmpty || modelName == model else {
            throw .wrongAnswer("is of the model '\(EngineError.excerpt(modelName))', expected '\(model)'")
        }
        guard rawOutputContents.isEmpty || rawOutputContents.count == outputs.count else {
            throw Self.malformed("\(rawOutputContents.count) raw contents of \(outputs.count) outputs")
        }
        var tensors: [Tensor] = []
        for expected in signature.outputs {
            let named = outputs.indices.filter { outputs[$0].name == expected.name }
            guard let index = named.first else { throw .wrongAnswer("has no output '\(expected.name)'") }
            guard named.count == 1 else { throw Self.malformed("an output is named twice") }
            tensors.append(try tensor(index, expected))
        }
        try signature.check(tensors)
        return tensors
    }

    private func tensor(_ index: Int, _ expected: Value) throws(EngineError) -> Tensor {
        let output = outputs[index]
        guard output.datatype == "FP32", output.shape == expected.type.shape.dimensions.map({ Int64($0) }) else {
            throw .wrongAnswer(
                "has '\(expected.name)' as \(EngineError.excerpt(output.datatype)) "
                    + "\(output.shape.prefix(Shape.maximumRank + 1)), expected FP32 \(expected.type.shape.dimensions)")
        }
        let isRaw = !rawOutputContents.isEmpty
        let values = output.contents.fp32Contents
        let bytes = isRaw ? rawOutputContents[index].count : values.count * MemoryLayout<Float>.size
        guard bytes == expected.type.byteCount else {
            throw .wrongAnswer("has \(bytes) bytes of '\(expected.name)', expected \(expected.type.byteCount)")
        }
        do {
            guard isRaw else { return try Tensor(values, shape: expected.type.shape.dimensions) }
            return try rawOutputContents[index].withUnsafeBytes { try Tensor(type: expected.type, copying: $0) }
        } catch { throw Self.malformed("\(error)") }
    }

    private static func malformed(_ what: String) -> EngineError {
        EngineError(
            .malformedAnswer, "the answer violates the protocol: \(what)",
            remedy: "check that an engine of the Open Inference Protocol, version 2, is at this address")
    }
}
