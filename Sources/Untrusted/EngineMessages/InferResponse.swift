// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import StrictJSON
package import Tensors

/// An engine's answer in the REST form of the Open Inference Protocol. Engines answer in JSON to binary requests, name
/// outputs in any order, and write `null` for members that they leave out.
package enum InferResponse {
    /// The BackNet's outputs from an answer's body.
    ///
    /// - Parameters:
    ///   - jsonBytes: The value of `Inference-Header-Content-Length`; `nil` if all is JSON.
    ///   - model: The name that the answer must give to the model.
    /// - Throws: ``EngineError``: `malformedAnswer`, `wrongAnswer`.
    package static func outputs(
        from body: [UInt8], jsonBytes: Int?, model: String, signature: BackNetSignature
    ) throws(EngineError) -> [Tensor] {
        do {
            let found = try tensors(in: body, jsonBytes: jsonBytes ?? body.count, model, signature)
            let tensors = try signature.outputs.map { output in
                guard let tensor = found[output.name] else {
                    throw EngineError.wrongAnswer("has no output '\(output.name)'")
                }
                return tensor
            }
            try signature.check(tensors)
            return tensors
        } catch let error as EngineError { throw error } catch {
            throw EngineError(
                .malformedAnswer, "the answer violates the protocol: \(EngineError.excerpt("\(error)"))",
                remedy: "check that an engine of the Open Inference Protocol, version 2, is at this address")
        }
    }

    /// The outputs that the signature names.
    private static func tensors(
        in body: [UInt8], jsonBytes: Int, _ model: String, _ signature: BackNetSignature
    ) throws -> [String: Tensor] {
        guard (0...body.count).contains(jsonBytes) else {
            throw JSONFault("Inference-Header-Content-Length is \(jsonBytes), the body has \(body.count) bytes")
        }
        let json = jsonBytes == body.count ? body : Array(body[..<jsonBytes])
        let answer = try JSONText(json, name: "the answer").object()
        if let name = try answer.optional("model_name")?.string(), name != model {
            throw EngineError.wrongAnswer("is of the model '\(EngineError.excerpt(name))', expected '\(model)'")
        }
        var found: [String: Tensor] = [:]
        var offset = jsonBytes
        for output in try answer["outputs"].array() {
            let output = try output.object()
            let name = try output["name"].string()
            let size = try output.optional("parameters")?.object().optional("binary_data_size")?.integer()
            guard (0...(body.count - offset)).contains(size ?? 0) else {
                throw JSONFault("an output of \(size ?? 0) bytes, where \(body.count - offset) are left")
            }
            let start = offset
            offset += size ?? 0
            guard let expected = signature.outputs.first(where: { $0.name == name }) else { continue }
            guard found[name] == nil else { throw JSONFault("an output is named twice") }
            try check(output, expected)
            found[name] =
                if size != nil {
                    try tensor(expected, bytes: body[start..<offset])
                } else {
                    try tensor(expected, numbers: try output["data"])
                }
        }
        guard offset == body.count else { throw JSONFault("\(body.count - offset) bytes follow the tensors") }
        return found
    }

    private static func check(_ output: JSONObject, _ expected: Value) throws {
        let datatype = try output["datatype"].string()
        let shape = try output["shape"].array().prefix(Shape.maximumRank + 1).map { try $0.integer() }
        guard datatype == "FP32", shape == expected.type.shape.dimensions else {
            throw EngineError.wrongAnswer(
                "has '\(expected.name)' as \(EngineError.excerpt(datatype)) \(shape), expected FP32 "
                    + "\(expected.type.shape.dimensions)")
        }
    }

    private static func tensor(_ expected: Value, bytes: ArraySlice<UInt8>) throws -> Tensor {
        guard bytes.count == expected.type.byteCount else {
            throw EngineError.wrongAnswer(
                "has \(bytes.count) bytes of '\(expected.name)', expected \(expected.type.byteCount)")
        }
        return try bytes.withUnsafeBytes { try Tensor(type: expected.type, copying: $0) }
    }

    /// Numbers in one list, or in lists nested according to the shape.
    private static func tensor(_ expected: Value, numbers: JSONText) throws -> Tensor {
        let count = expected.type.shape.elementCount
        var level = try numbers.array()
        var depth = 1
        while let first = level.first, first.isArray {
            depth += 1
            guard depth <= max(1, expected.type.shape.rank) else { throw JSONFault("numbers are nested too deep") }
            level = try level.flatMap { try $0.array() }
            guard level.count <= count else { break }
        }
        guard level.count == count else {
            throw EngineError.wrongAnswer("has \(level.count) numbers of '\(expected.name)', expected \(count)")
        }
        let values = try level.map { Float(try $0.number()) }
        return try Tensor(values, shape: expected.type.shape.dimensions)
    }
}

extension JSONObject {
    /// A member that is present and not `null`.
    fileprivate func optional(_ key: String) -> JSONText? { members[key].flatMap { $0.isNull ? nil : $0 } }
}
