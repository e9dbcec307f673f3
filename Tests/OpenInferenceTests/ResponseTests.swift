// SPDX-License-Identifier: Apache-2.0
import Foundation
import OpenInference
import Testing

@Suite("Answers of the Open Inference Protocol")
struct ResponseTests {
    private func response(_ isBinary: [Bool]) -> InferenceResponse {
        InferenceResponse(
            model: "m", version: "1", identifier: "a/b",
            outputs: [
                InferenceOutput(name: "i", shape: [1, 2], values: .int64([3, -1]), isBinary: isBinary[0]),
                InferenceOutput(name: "p", shape: [1, 2], values: .fp32([0.1, 1e-8]), isBinary: isBinary[1]),
                InferenceOutput(name: "l", shape: [1, 2], values: .texts(["é\"", ""]), isBinary: isBinary[2]),
            ])
    }

    private func json(_ bytes: some Sequence<UInt8>) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    @Test("A JSON answer contains its data")
    func json() throws {
        let encoded = try response([false, false, false]).encoded()
        #expect(encoded.headerByteCount == nil && encoded.contentType == "application/json")
        let object = try json(encoded.body)
        #expect(object["model_name"] as? String == "m" && object["model_version"] as? String == "1")
        #expect(object["id"] as? String == "a/b")
        let outputs = try #require(object["outputs"] as? [[String: Any]])
        #expect(outputs.map { $0["datatype"] as? String } == ["INT64", "FP32", "BYTES"])
        #expect(outputs[0]["data"] as? [Int] == [3, -1])
        #expect((outputs[1]["data"] as? [Double])?.map(Float.init) == [0.1, 1e-8])
        #expect(outputs[2]["data"] as? [String] == ["é\"", ""])
        #expect(outputs.allSatisfy { $0["parameters"] == nil && $0["shape"] as? [Int] == [1, 2] })
    }

    @Test("Binary outputs follow the JSON in its order")
    func binary() throws {
        let encoded = try response([true, false, true]).encoded()
        let count = try #require(encoded.headerByteCount)
        #expect(encoded.contentType == "application/octet-stream")
        let outputs = try #require(try json(encoded.body[..<count])["outputs"] as? [[String: Any]])
        let sizes = outputs.map { ($0["parameters"] as? [String: Int])?["binary_data_size"] }
        #expect(sizes == [16, nil, 11])
        #expect(outputs.map { $0["data"] != nil } == [false, true, false])
        let indices: [UInt8] = [3, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]
        #expect(Array(encoded.body[count...]) == indices + [3, 0, 0, 0, 0xC3, 0xA9, 0x22, 0, 0, 0, 0])
    }

    @Test("Metadata has the protocol's member names, and an error its single member")
    func metadata() throws {
        let model = ModelMetadata(
            name: "m", versions: ["1"], platform: "p",
            inputs: [TensorMetadata(name: "x", datatype: .fp32, shape: [-1, 3])], outputs: [])
        let object = try json(try JSONBody.encode(model))
        #expect(object["versions"] as? [String] == ["1"] && object["platform"] as? String == "p")
        let input = try #require((object["inputs"] as? [[String: Any]])?.first)
        #expect(input["datatype"] as? String == "FP32" && input["shape"] as? [Int] == [-1, 3])
        #expect(try json(JSONBody.error("no \"x\"")) as? [String: String] == ["error": "no \"x\""])
    }
}
