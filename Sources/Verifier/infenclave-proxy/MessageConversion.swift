// SPDX-License-Identifier: Apache-2.0
import Foundation
import OpenInference
import OpenInferenceMessages
import SwiftProtobuf

extension InferenceRequest {
    /// - Throws: ``OpenInferenceError`` `.invalidArgument`, `.unimplemented`.
    init(_ message: Inference_ModelInferRequest) throws(OpenInferenceError) {
        guard max(message.inputs.count, message.outputs.count) <= Self.maximumTensors else {
            throw OpenInferenceError(.invalidArgument, "more than \(Self.maximumTensors) inputs or outputs")
        }
        guard message.id.utf8.count <= Self.maximumIdentifierBytes else {
            throw OpenInferenceError(.invalidArgument, "the id is over \(Self.maximumIdentifierBytes) bytes")
        }
        let raw = message.rawInputContents
        guard raw.isEmpty || raw.count == message.inputs.count else {
            throw OpenInferenceError(
                .invalidArgument, "\(raw.count) raw contents for \(message.inputs.count) inputs")
        }
        var inputs: [InferenceInput] = []
        for (number, input) in message.inputs.enumerated() {
            inputs.append(try InferenceInput(input, raw: raw.isEmpty ? nil : [UInt8](raw[number])))
        }
        var outputs: [RequestedOutput] = []
        for output in message.outputs { outputs.append(try RequestedOutput(output)) }
        self.init(
            identifier: message.id.isEmpty ? nil : message.id, inputs: inputs, outputs: outputs,
            wantsBinaryOutputs: true)
    }
}

extension InferenceInput {
    fileprivate init(
        _ message: Inference_ModelInferRequest.InferInputTensor, raw: [UInt8]?
    ) throws(OpenInferenceError) {
        let name = message.name
        guard let datatype = Datatype(rawValue: message.datatype) else {
            throw OpenInferenceError(
                .invalidArgument, "input '\(name.beginning())': '\(message.datatype.beginning(20))' is no datatype")
        }
        guard message.parameters["shared_memory_region"] == nil else {
            throw OpenInferenceError(.unimplemented, "input '\(name.beginning())': shared memory is not offered")
        }
        let shape = message.shape.map { Int($0) }
        if let raw {
            guard !message.hasContents else {
                throw OpenInferenceError(.invalidArgument, "input '\(name.beginning())' has data in two places")
            }
            try self.init(name: name, datatype: datatype, shape: shape, raw: raw)
            return
        }
        let contents: Contents
        switch datatype {
        case .bytes: contents = .byteStrings(message.contents.bytesContents.map { [UInt8]($0) })
        case .fp32:
            var bytes: [UInt8] = []
            for value in message.contents.fp32Contents {
                withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
            }
            contents = .elements(bytes)
        case .uint8:
            let values = message.contents.uintContents
            let bytes = values.compactMap { UInt8(exactly: $0) }
            guard bytes.count == values.count else {
                throw OpenInferenceError(
                    .invalidArgument, "input '\(name.beginning())': an element is no number of UINT8, 0 to 255")
            }
            contents = .elements(bytes)
        default:
            throw OpenInferenceError(
                .unimplemented, "input '\(name.beginning())': \(datatype.rawValue) is taken as raw contents only")
        }
        try self.init(name: name, datatype: datatype, shape: shape, contents: contents)
    }
}

extension RequestedOutput {
    fileprivate init(
        _ message: Inference_ModelInferRequest.InferRequestedOutputTensor
    ) throws(OpenInferenceError) {
        guard message.parameters["shared_memory_region"] == nil else {
            throw OpenInferenceError(
                .unimplemented, "output '\(message.name.beginning())': shared memory is not offered")
        }
        let count: Int? =
            switch message.parameters["classification"]?.parameterChoice {
            case nil: nil
            case .int64Param(let value): Int(value)
            case .uint64Param(let value): Int(clamping: value)
            default: throw OpenInferenceError(.invalidArgument, "classification is no whole number")
            }
        self.init(name: message.name, classification: count)
    }
}

extension Inference_ModelMetadataResponse {
    init(_ metadata: ModelMetadata) {
        self.init()
        (name, versions, platform) = (metadata.name, metadata.versions, metadata.platform)
        (inputs, outputs) = (metadata.inputs.map(TensorMetadata.init), metadata.outputs.map(TensorMetadata.init))
    }
}

extension Inference_ModelMetadataResponse.TensorMetadata {
    fileprivate init(_ metadata: OpenInference.TensorMetadata) {
        self.init()
        (name, datatype, shape) = (metadata.name, metadata.datatype.rawValue, metadata.shape.map { Int64($0) })
    }
}

extension Inference_ModelInferResponse {
    /// All outputs as raw contents.
    init(_ response: InferenceResponse) {
        self.init()
        (modelName, modelVersion, id) = (response.model, response.version, response.identifier ?? "")
        outputs = response.outputs.map { output in
            .with {
                ($0.name, $0.datatype) = (output.name, output.values.datatype.rawValue)
                $0.shape = output.shape.map { Int64($0) }
            }
        }
        rawOutputContents = response.outputs.map { Data($0.raw) }
    }
}
