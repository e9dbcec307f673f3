// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// An HTTP body with the headers that describe it.
package struct EncodedResponse: Sendable {
    package let body: [UInt8]
    /// Bytes of the JSON before the binary data, for `Inference-Header-Content-Length`; `nil` if the whole body is
    /// JSON.
    package let headerByteCount: Int?

    package var contentType: String { headerByteCount == nil ? "application/json" : "application/octet-stream" }
}

extension InferenceResponse {
    /// JSON, followed by the outputs that are wanted as binary data.
    ///
    /// - Throws: ``OpenInferenceError`` `.internalFault` for a number that JSON does not have.
    package func encoded() throws(OpenInferenceError) -> EncodedResponse {
        let binary = outputs.map { $0.isBinary ? $0.raw : nil }
        let head = Head(
            modelName: model, modelVersion: version, id: identifier,
            outputs: zip(outputs, binary).map { output, bytes in
                Head.Output(
                    name: output.name, datatype: output.values.datatype, shape: output.shape,
                    parameters: bytes.map { .init(binaryDataSize: $0.count) },
                    data: bytes == nil ? Head.Data(values: output.values) : nil)
            })
        let json = try JSONBody.encode(head)
        guard binary.contains(where: { $0 != nil }) else { return EncodedResponse(body: json, headerByteCount: nil) }
        return EncodedResponse(
            body: binary.reduce(into: json) { $0 += $1 ?? [] }, headerByteCount: json.count)
    }

    /// With the protocol's own names.
    private struct Head: Encodable {
        struct Parameters: Encodable {
            let binaryDataSize: Int

            enum CodingKeys: String, CodingKey { case binaryDataSize = "binary_data_size" }
        }

        struct Data: Encodable {
            let values: InferenceOutput.Values

            func encode(to encoder: any Encoder) throws {
                var container = encoder.singleValueContainer()
                switch values {
                case .int64(let values): try container.encode(values)
                case .fp32(let values): try container.encode(values)
                case .texts(let texts): try container.encode(texts)
                }
            }
        }

        struct Output: Encodable {
            let name: String
            let datatype: Datatype
            let shape: [Int]
            let parameters: Parameters?
            let data: Data?
        }

        let modelName: String
        let modelVersion: String
        let id: String?
        let outputs: [Output]

        enum CodingKeys: String, CodingKey {
            case modelName = "model_name"
            case modelVersion = "model_version"
            case id, outputs
        }
    }
}

/// The smaller bodies.
package enum JSONBody {
    package static func encode(_ value: some Encodable) throws(OpenInferenceError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do { return Array(try encoder.encode(value)) } catch {
            throw OpenInferenceError(.internalFault, "the answer cannot be written as JSON")
        }
    }

    /// `{"error":"…"}`.
    package static func error(_ message: String) -> [UInt8] {
        struct Body: Encodable { let error: String }
        return (try? encode(Body(error: message))) ?? Array(#"{"error":"an internal fault"}"#.utf8)
    }
}
