// SPDX-License-Identifier: Apache-2.0
import ModelGraph
package import Tensors

/// A request of the Open Inference Protocol, version 2, in its REST form.
///
/// Source: kserve/open-inference-protocol, `specification/protocol/inference_rest.md`; the binary form is Triton's
/// `extension_binary_data.md`.
package struct InferRequest: Sendable {
    /// How tensors are written.
    package enum Form: String, Sendable {
        /// Raw, little-endian, behind the JSON.
        case binary
        /// As numbers in the JSON: five times the bytes.
        case json
    }

    package let contentType: String
    /// The value of `Inference-Header-Content-Length`; `nil` if all is JSON.
    package let jsonBytes: Int?
    package let body: [UInt8]

    /// - Parameter tensors: One for each of the signature's inputs.
    /// - Throws: ``EngineError`` (`wrongAnswer`) for other tensors, or numbers that JSON cannot hold.
    package init(_ tensors: [Tensor], for signature: BackNetSignature, in form: Form) throws(EngineError) {
        try signature.checkInputs(tensors)
        var text = Array("{\"inputs\":[".utf8)
        for (index, (input, tensor)) in zip(signature.inputs, tensors).enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            text += Array("{\"name\":".utf8)
            Self.write(input.name, to: &text)
            let shape = input.type.shape.dimensions.map { String($0) }.joined(separator: ",")
            text += Array(",\"shape\":[\(shape)],\"datatype\":\"FP32\",".utf8)
            switch form {
            case .binary: text += Array("\"parameters\":{\"binary_data_size\":\(tensor.byteCount)}".utf8)
            case .json:
                text += Array("\"data\":[".utf8)
                try Self.writeNumbers(of: tensor, named: input.name, to: &text)
                text.append(UInt8(ascii: "]"))
            }
            text.append(UInt8(ascii: "}"))
        }
        text += Array("],\"outputs\":[".utf8)
        for (index, output) in signature.outputs.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            text += Array("{\"name\":".utf8)
            Self.write(output.name, to: &text)
            if form == .binary { text += Array(",\"parameters\":{\"binary_data\":true}".utf8) }
            text.append(UInt8(ascii: "}"))
        }
        text += Array("]}".utf8)
        switch form {
        case .json:
            contentType = "application/json"
            jsonBytes = nil
            body = text
        case .binary:
            contentType = "application/octet-stream"
            jsonBytes = text.count
            text.reserveCapacity(text.count + tensors.reduce(0) { $0 + $1.byteCount })
            for tensor in tensors { tensor.withBytes { text.append(contentsOf: $0) } }
            body = text
        }
    }

    /// A JSON string (RFC 8259, section 7).
    private static func write(_ name: String, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                text += Array("\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8)
            default: text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }

    /// Numbers from which a reader that parses them as f64 gets the same f32.
    private static func writeNumbers(
        of tensor: Tensor, named name: String, to text: inout [UInt8]
    ) throws(EngineError) {
        let values = tensor.withElements(as: Float.self) { Array($0) }
        text.reserveCapacity(text.count + values.count * 12)
        for (index, value) in values.enumerated() {
            guard value.isFinite else {
                throw EngineError(
                    .wrongAnswer, "input '\(name)' has values that are not finite, which JSON cannot hold",
                    remedy: "use an engine that takes tensors in binary form")
            }
            if index > 0 { text.append(UInt8(ascii: ",")) }
            let short = value.description
            // The shortest digits of a float, read as a double, may round to a neighbouring float.
            text += Array((Double(short).map { Float($0) } == value ? short : Double(value).description).utf8)
        }
    }
}
