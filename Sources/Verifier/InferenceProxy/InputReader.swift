// SPDX-License-Identifier: Apache-2.0
import Foundation
import InfenclaveImaging
import OpenInference

extension InferenceModel {
    /// Pictures of one request.
    static let maximumBatch = 64

    /// The pictures of a request, each as a separate input.
    ///
    /// - Throws: ``OpenInferenceError`` `.invalidArgument`.
    func inputs(of request: InferenceRequest) throws(OpenInferenceError) -> [ModelInput] {
        let expected = input
        guard request.inputs.count == 1, let input = request.inputs.first, input.name == expected.name else {
            let names = request.inputs.map { "'\($0.name.beginning())'" }.joined(separator: ", ")
            throw OpenInferenceError(
                .invalidArgument, "the model '\(name)' takes one input, '\(expected.name)'; found \(names)")
        }
        switch kind {
        case .tensors: return try tensors(of: input).map(ModelInput.tensor)
        case .pictures: return try pictures(of: input).map(ModelInput.picture)
        }
    }

    private func tensors(of input: InferenceInput) throws(OpenInferenceError) -> [Tensor] {
        let element: ElementType
        let shape: [Int]
        switch input.datatype {
        case .uint8: (element, shape) = (.uint8, [served.height, served.width, served.channels])
        case .fp32 where served.acceptsFloats:
            (element, shape) = (.float32, [served.channels, served.height, served.width])
        case .fp32:
            throw OpenInferenceError(
                .invalidArgument,
                "the owner lets this model take pixels only: UINT8 \(Self.text([served.height, served.width, served.channels]))"
            )
        default:
            throw OpenInferenceError(
                .invalidArgument, "input '\(input.name)': \(input.datatype.rawValue) is not what the model takes")
        }
        guard case .elements(let bytes) = input.contents, input.shape.count == 4,
            Array(input.shape.dropFirst()) == shape
        else {
            throw OpenInferenceError(
                .invalidArgument,
                "input '\(input.name)': shape \(input.shape) of \(input.datatype.rawValue), expected \(Self.text(shape))"
            )
        }
        try Self.check(batch: input.shape[0])
        do {
            let type = TensorType(element, try Shape([1] + shape))
            return try (0..<input.shape[0]).map { number in
                try bytes.withUnsafeBytes { all in
                    try Tensor(
                        type: type,
                        copying: UnsafeRawBufferPointer(
                            rebasing: all[number * type.byteCount..<(number + 1) * type.byteCount]))
                }
            }
        } catch { throw OpenInferenceError(.invalidArgument, "input '\(input.name)': \(error)") }
    }

    private func pictures(of input: InferenceInput) throws(OpenInferenceError) -> [[UInt8]] {
        var files: [[UInt8]]
        switch input.contents {
        case .byteStrings(let strings): files = strings
        case .texts(let texts):
            files = []
            // JSON has no bytes.
            for text in texts {
                guard let file = Data(base64Encoded: text) else {
                    throw OpenInferenceError(
                        .invalidArgument, "input '\(input.name)': in JSON a picture is written in base64")
                }
                files.append([UInt8](file))
            }
        case .elements:
            throw OpenInferenceError(
                .invalidArgument, "input '\(input.name)': \(input.datatype.rawValue), expected BYTES with picture files"
            )
        }
        try Self.check(batch: files.count)
        return files
    }

    private static func check(batch count: Int) throws(OpenInferenceError) {
        guard (1...maximumBatch).contains(count) else {
            throw OpenInferenceError(.invalidArgument, "a batch of \(count) pictures, expected 1 to \(maximumBatch)")
        }
    }

    private static func text(_ shape: [Int]) -> String { "[N, \(shape.map(String.init).joined(separator: ", "))]" }
}
