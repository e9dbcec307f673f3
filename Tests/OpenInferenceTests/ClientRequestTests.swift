// SPDX-License-Identifier: Apache-2.0
import Foundation
import OpenInference
import Testing

@Suite("Requests of unmodified clients")
struct ClientRequestTests {
    /// What `make_requests.py` has clients write.
    private struct Case: Decodable {
        struct Input: Decodable {
            let name, datatype: String
            let shape: [Int]
            /// As binary data has them.
            let elements: Data
        }

        let name: String
        let body: Data
        let header: Int?
        let inputs: [Input]
    }

    private func cases() throws -> [Case] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "requests.json")
        return try JSONDecoder().decode([Case].self, from: try Data(contentsOf: file))
    }

    /// As binary data has them.
    private func elements(_ input: InferenceInput) -> [UInt8] {
        let strings: [[UInt8]]
        switch input.contents {
        case .elements(let bytes): return bytes
        case .byteStrings(let bytes): strings = bytes
        case .texts(let texts): strings = texts.map { Array($0.utf8) }
        }
        return strings.flatMap { [UInt8(truncatingIfNeeded: $0.count), 0, 0, 0] + $0 }
    }

    @Test("Requests of tritonclient and KServe are parsed to the bit-identical tensors that the clients sent")
    func clients() throws {
        let cases = try cases()
        #expect(cases.count == 6)
        for one in cases {
            let request = try InferenceRequest(body: [UInt8](one.body), headerByteCount: one.header)
            #expect(request.identifier == "id", "\(one.name)")
            #expect(request.inputs.count == one.inputs.count, "\(one.name)")
            for (found, expected) in zip(request.inputs, one.inputs) {
                #expect(found.name == expected.name && found.datatype.rawValue == expected.datatype, "\(one.name)")
                #expect(found.shape == expected.shape, "\(one.name)")
                #expect(elements(found) == [UInt8](expected.elements), "\(one.name) \(found.name)")
            }
            if one.name.hasSuffix("outputs") {
                #expect(
                    request.outputs == [
                        RequestedOutput(name: "p", isBinary: true, classification: 3),
                        RequestedOutput(name: "q", isBinary: false),
                    ])
            } else {
                #expect(request.outputs.isEmpty)
                #expect(request.wantsBinaryOutputs == one.name.hasPrefix("tritonclient"))
            }
        }
    }
}
