// SPDX-License-Identifier: Apache-2.0
import OpenInference

enum ProxyTargets {
    /// A body of `POST v2/models/NAME/infer`: as JSON, and with the length of its JSON in the first two bytes.
    static func inferenceRequest(_ bytes: UnsafeRawBufferPointer) throws {
        let all = Array(bytes)
        try anyAccepts([
            { try check(try InferenceRequest(body: all, headerByteCount: nil)) },
            {
                let header = all.prefix(2).reduce(0) { $0 << 8 | Int($1) }
                try check(try InferenceRequest(body: Array(all.dropFirst(2)), headerByteCount: header))
            },
        ])
    }

    /// The message of `ModelInfer`, before it is decoded.
    static func inferenceMessage(_ bytes: UnsafeRawBufferPointer) throws {
        let message = Array(bytes)
        let count = try InferenceMessage.decodedByteCount(of: message)
        promise(
            (message.count...message.count * 512 + 1).contains(count), "a message counts for no less than it has")
    }

    private static func check(_ request: InferenceRequest) throws {
        promise((1...InferenceRequest.maximumTensors).contains(request.inputs.count), "a request has inputs")
        for input in request.inputs {
            // Checked again: what comes of its parts is the same input.
            let again = try InferenceInput(
                name: input.name, datatype: input.datatype, shape: input.shape, contents: input.contents)
            promise(again == input, "contents, shape and datatype of an input fit")
        }
    }
}
