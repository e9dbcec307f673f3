// SPDX-License-Identifier: Apache-2.0
import Foundation
import OpenInference
import Testing

@Suite("Requests of the Open Inference Protocol")
struct RequestTests {
    private func read(_ json: String, _ binary: [UInt8] = [], header: Int? = nil) throws -> InferenceRequest {
        let text = Array(json.utf8)
        return try InferenceRequest(body: text + binary, headerByteCount: header ?? (binary.isEmpty ? nil : text.count))
    }

    private func refusal(_ json: String, _ binary: [UInt8] = [], header: Int? = nil) -> OpenInferenceError? {
        do {
            _ = try read(json, binary, header: header)
            return nil
        } catch { return error as? OpenInferenceError }
    }

    private func floats(_ input: InferenceInput) -> [Float] {
        guard case .elements(let bytes) = input.contents else { return [] }
        return stride(from: 0, to: bytes.count, by: 4).map { start in
            Float(bitPattern: bytes[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
        }
    }

    @Test(
        "Data may be flat or nested, and numbers are rounded to the nearest value",
        arguments: [
            "[1, -2.5, 3e2, 0.1, 16777217, 1e-45]", "[[1,-2.5,3e2],[0.1,16777217,1e-45]]",
            "[[[1],[-2.5],[3E+2]],\n[[0.1],[16777217],[1e-45]]]",
        ])
    func data(_ data: String) throws {
        let request = try read(
            #"{"id":"7","inputs":[{"name":"x","shape":[2,3],"datatype":"FP32","data":\#(data)}]}"#)
        #expect(request.identifier == "7")
        #expect(request.inputs[0].shape == [2, 3])
        #expect(floats(request.inputs[0]) == [1, -2.5, 300, 0.1, 16_777_216, .leastNonzeroMagnitude])
        #expect(request.outputs.isEmpty && !request.wantsBinaryOutputs)
    }

    @Test("Null and unknown members are ignored")
    func nulls() throws {
        let request = try read(
            #"""
            {"model_name":"m","id":null,"parameters":null,"outputs":null,"inputs":[{"name":"x","shape":[2],
            "datatype":"UINT8","parameters":null,"data":[0,255],"new":{"a":[1]}}]}
            """#)
        #expect(request.inputs[0].contents == .elements([0, 255]))
    }

    @Test("Binary tensors follow the JSON in its order; BYTES elements have a length prefix")
    func binary() throws {
        let json = #"""
            {"inputs":[{"name":"a","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":11}},
            {"name":"b","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4}}],
            "outputs":[{"name":"p","parameters":{"binary_data":false,"classification":3}},{"name":"q"}],
            "parameters":{"binary_data_output":true}}
            """#
        let request = try read(json, [3, 0, 0, 0, 0xFF, 0xD8, 0xFF, 0, 0, 0, 0, 0, 0, 0x80, 0x3F])
        #expect(request.inputs[0].contents == .byteStrings([[0xFF, 0xD8, 0xFF], []]))
        #expect(floats(request.inputs[1]) == [1])
        #expect(
            request.outputs == [
                RequestedOutput(name: "p", isBinary: false, classification: 3), RequestedOutput(name: "q"),
            ])
        #expect(request.wantsBinaryOutputs)
    }

    @Test("A raw body is the only input of a model")
    func raw() throws {
        let picture = TensorMetadata(name: "image", datatype: .bytes, shape: [-1])
        let request = try InferenceRequest(rawBody: [1, 2, 3], input: picture)
        #expect(
            request.inputs == [
                try InferenceInput(
                    name: "image", datatype: .bytes, shape: [1], contents: .byteStrings([[1, 2, 3]]))
            ])
        let tensor = TensorMetadata(name: "x", datatype: .uint8, shape: [-1, 2, 2, 1])
        #expect(try InferenceRequest(rawBody: [1, 2, 3, 4], input: tensor).inputs[0].shape == [1, 2, 2, 1])
        #expect(throws: OpenInferenceError.self) { try InferenceRequest(rawBody: [1, 2, 3], input: tensor) }
    }

    /// An input with these members in place of good ones.
    private static func input(_ changes: [String: String]) -> String {
        var members = ["name": #""x""#, "shape": "[2]", "datatype": #""FP32""#, "data": "[1,2]"]
        members.merge(changes) { $1 }
        let text = members.filter { $0.value != "-" }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        return "{\"inputs\":[{\(text)}]}"
    }

    @Test(
        "An invalid request is refused with the fault",
        arguments: [
            ("", "header length"), ("{", "without a name"), ("[]", "not an object"), ("{}", "no inputs"),
            (#"{"inputs":[]}"#, "no inputs"), (#"{"inputs":[],"inputs":[]}"#, "twice"),
            (input(["name": "-"]), "no name"), (input(["datatype": "-"]), "no datatype"),
            (input(["datatype": #""FP31""#]), "no datatype"), (input(["shape": "-"]), "no shape"),
            (input(["shape": "[-1]"]), "negative"), (input(["shape": "[4294967296,4294967296]"]), "over"),
            (input(["shape": "[1,1,1,1,1,1,1,1,2]"]), "limit is 8"), (input(["shape": "[2.5]"]), "whole number"),
            (input(["data": "-"]), "no data"),
            (input(["data": "[1]"]), "has 8 bytes, found 4"), (input(["data": "[1,2,3]"]), "more than the 2"),
            (input(["data": "[1,true]"]), "no number"), (input(["data": #"[1,"2"]"#]), "no number"),
            (input(["data": "[1,1e99]"]), "no number of FP32"), (input(["data": "3"]), "no list"),
            (input(["data": "[[[[[[[[[[1,2]]]]]]]]]]"]), "nested deeper"),
            (input(["datatype": #""UINT8""#, "data": "[1,256]"]), "0 to 255"),
            (input(["datatype": #""UINT8""#, "data": "[1,0.5]"]), "0 to 255"),
            (input(["datatype": #""BYTES""#, "data": "[1,2]"]), "list of strings"),
            (input(["datatype": #""INT64""#]), "binary data only"),
            (input(["parameters": #"{"shared_memory_region":"r"}"#]), "shared memory"),
            (input(["parameters": #"{"binary_data_size":8}"#]), "two places"),
            (input(["parameters": #"{"binary_data_size":8}"#, "data": "-"]), "0 are left"),
            (input(["parameters": #"{"binary_data_size":-1}"#, "data": "-"]), "-1 bytes"),
        ])
    func refusals(_ json: String, _ reason: String) throws {
        let error = try #require(refusal(json))
        #expect(error.message.contains(reason), "\(json): \(error.message)")
        #expect([.invalidArgument, .unimplemented].contains(error.code))
    }

    @Test("Binary data that is left over, too short or of contradictory lengths is refused")
    func binaryRefusals() throws {
        func bytes(_ shape: Int, _ size: Int) -> String {
            #"{"inputs":[{"name":"x","shape":[\#(shape)],"datatype":"BYTES","parameters":{"binary_data_size":\#(size)}}]}"#
        }
        #expect(refusal(bytes(1, 5), [1, 0, 0, 0, 7]) == nil)
        #expect(refusal(bytes(1, 5), [1, 0, 0, 0, 7, 8])?.message.contains("1 bytes follow") == true)
        #expect(refusal(bytes(1, 5), [2, 0, 0, 0, 7])?.message.contains("element of 2 bytes") == true)
        #expect(refusal(bytes(1, 5), [255, 255, 255, 255, 7])?.message.contains("4294967295") == true)
        #expect(refusal(bytes(1, 3), [1, 0, 0])?.message.contains("more bytes than its 1") == true)
        #expect(refusal(bytes(2, 5), [1, 0, 0, 0, 7])?.message.contains("2 elements, found 1") == true)
        for header in [-1, 0, 1_000_000] { #expect(refusal(bytes(1, 5), [1, 0, 0, 0, 7], header: header) != nil) }
    }

    @Test("Deep nesting and long lists use neither unlimited stack nor unlimited memory")
    func bounds() {
        let deep = String(repeating: "[", count: 200_000) + String(repeating: "]", count: 200_000)
        #expect(refusal(Self.input(["data": deep])) != nil)
        #expect(refusal(Self.input(["data": deep, "datatype": #""BYTES""#])) != nil)
        let many = Array(repeating: Self.input([:]).dropFirst(11).dropLast(2), count: 17).joined(separator: ",")
        #expect(refusal("{\"inputs\":[\(many)]}")?.message.contains("limit is 16") == true)
        let long = "[1" + String(repeating: ",1", count: 1 << 17) + "]"
        #expect(refusal(Self.input(["shape": long]))?.message.contains("limit is 8") == true)
        #expect(refusal("{\"inputs\":\(long)}")?.message.contains("limit is 16") == true)
        let texts = "[" + Array(repeating: "[\"a\"]", count: 1 << 14).joined(separator: ",") + "]"
        #expect(
            refusal(Self.input(["data": texts, "datatype": #""BYTES""#]))?.message.contains("more than 2 elements")
                == true)
    }

    @Test(
        "A long name is repeated only in part, whatever its characters",
        arguments: ["n", "\u{301}"])
    func longNames(_ part: String) throws {
        // With accents all of it is one character.
        let name = "n" + String(repeating: part, count: 1 << 18)
        let good = (shape: [2], contents: InferenceInput.Contents.elements([1, 2]))
        let cases: [(shape: [Int], contents: InferenceInput.Contents)] = [
            ([3], good.contents), ([-1], good.contents), (Array(repeating: 1 << 40, count: 2), good.contents),
            (Array(repeating: 1, count: 9), good.contents), (good.shape, .texts(["a", "b"])),
        ]
        for (shape, contents) in cases {
            let error = #expect(throws: OpenInferenceError.self) {
                try InferenceInput(name: name, datatype: .uint8, shape: shape, contents: contents)
            }
            #expect((error?.message.utf8.count ?? .max) < 500)
        }
        let bytes = #expect(throws: OpenInferenceError.self) {
            try InferenceInput(name: name, datatype: .bytes, shape: [2], contents: good.contents)
        }
        #expect((bytes?.message.utf8.count ?? .max) < 500)
        for change in [["data": "[1]"], ["shape": "[-1]"], ["data": "-"], ["data": "3"], ["datatype": "\"\(name)\""]] {
            let message = refusal(Self.input(change.merging(["name": "\"\(name)\""]) { $1 }))?.message
            #expect((message?.utf8.count ?? .max) < 500)
        }
    }
}
