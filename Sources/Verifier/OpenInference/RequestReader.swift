// SPDX-License-Identifier: Apache-2.0
import StrictJSON

extension InferenceRequest {
    /// Reads the body of `POST v2/models/NAME/infer`.
    ///
    /// - Parameters:
    ///   - body: JSON, followed by the binary tensors that it lists, in its order.
    ///   - headerByteCount: Bytes of the JSON, from `Inference-Header-Content-Length`; `nil` if the whole body is JSON.
    /// - Throws: ``OpenInferenceError`` `.invalidArgument`, `.unimplemented`.
    /// - Source: Open Inference Protocol, "Inference"; Triton's binary tensor data extension.
    package init(body: [UInt8], headerByteCount: Int?) throws(OpenInferenceError) {
        let count = headerByteCount ?? body.count
        guard (1...max(1, body.count)).contains(count), !body.isEmpty else {
            throw .invalid("the header length is \(count), the body has \(body.count) bytes")
        }
        do throws(JSONFault) {
            // If the tensors are binary, the JSON is short, and so is this copy.
            let text = count == body.count ? body : Array(body[..<count])
            let object = try JSONText(text, name: "the request").object()
            try self.init(object, binary: body[count...])
        } catch { throw .invalid(error.description) }
    }

    /// Both kinds of failure are the sender's.
    private init(_ object: JSONObject, binary: ArraySlice<UInt8>) throws(JSONFault) {
        do throws(OpenInferenceError) {
            var rest = binary
            let parameters = try object.optional("parameters")?.asObject()
            let identifier = try object.optional("id")?.asString()
            guard (identifier ?? "").utf8.count <= Self.maximumIdentifierBytes else {
                throw .invalid("the id is over \(Self.maximumIdentifierBytes) bytes")
            }
            guard let inputs = try object.optional("inputs")?.asArray(atMost: Self.maximumTensors), !inputs.isEmpty
            else { throw .invalid("the request has no inputs") }
            let outputs = try object.optional("outputs")?.asArray(atMost: Self.maximumTensors) ?? []
            var read: [InferenceInput] = []
            for input in inputs { read.append(try InferenceInput(input.asObject(), &rest)) }
            guard rest.isEmpty else {
                throw .invalid("\(rest.count) bytes follow the tensors that the request names")
            }
            var wanted: [RequestedOutput] = []
            for output in outputs { wanted.append(try RequestedOutput(output.asObject())) }
            self.init(
                identifier: identifier, inputs: read, outputs: wanted,
                wantsBinaryOutputs: try parameters?.optional("binary_data_output")?.asBoolean() ?? false)
        } catch { throw JSONFault(error.message) }
    }

    /// A whole body that is the one input of a model, a "raw binary request".
    ///
    /// - Parameter input: The model's input; a variable extent becomes 1.
    /// - Throws: ``OpenInferenceError`` `.invalidArgument`.
    package init(rawBody body: [UInt8], input: TensorMetadata) throws(OpenInferenceError) {
        let shape = input.shape.map { $0 < 0 ? 1 : $0 }
        let contents: InferenceInput.Contents = input.datatype == .bytes ? .byteStrings([body]) : .elements(body)
        self.init(
            inputs: [
                try InferenceInput(name: input.name, datatype: input.datatype, shape: shape, contents: contents)
            ], wantsBinaryOutputs: false)
    }
}

extension InferenceInput {
    fileprivate init(_ object: JSONObject, _ binary: inout ArraySlice<UInt8>) throws(OpenInferenceError) {
        guard let name = try object.optional("name")?.asString() else { throw .invalid("an input has no name") }
        guard let word = try object.optional("datatype")?.asString() else {
            throw .invalid("input '\(name.beginning())' has no datatype")
        }
        guard let datatype = Datatype(rawValue: word) else {
            throw .invalid("input '\(name.beginning())': '\(word.beginning(20))' is no datatype")
        }
        guard let extents = try object.optional("shape")?.asArray(atMost: InferenceRequest.maximumRank) else {
            throw .invalid("input '\(name.beginning())' has no shape")
        }
        var shape: [Int] = []
        for extent in extents { shape.append(try extent.asInteger()) }
        let count = try Self.elementCount(shape, name)
        let parameters = try object.optional("parameters")?.asObject()
        guard try parameters?.optional("shared_memory_region") == nil else {
            throw OpenInferenceError(.unimplemented, "input '\(name.beginning())': shared memory is not offered")
        }
        let data = try object.optional("data")
        if let size = try parameters?.optional("binary_data_size")?.asInteger() {
            guard data == nil else { throw .invalid("input '\(name.beginning())' has data in two places") }
            guard size >= 0, size <= binary.count else {
                throw .invalid(
                    "input '\(name.beginning())' says \(size) bytes of binary data, \(binary.count) are left")
            }
            let bytes = Array(binary.prefix(size))
            binary = binary.dropFirst(size)
            try self.init(name: name, datatype: datatype, shape: shape, raw: bytes)
            return
        }
        guard let data else { throw .invalid("input '\(name.beginning())' has no data") }
        if datatype == .bytes {
            let texts = try data.asTexts(atMost: count)
            try self.init(name: name, datatype: datatype, shape: shape, contents: .texts(texts))
        } else {
            var elements = JSONElements(data, of: name.beginning())
            try self.init(
                name: name, datatype: datatype, shape: shape,
                contents: .elements(try elements.elements(datatype, count: count)))
        }
    }

    /// A tensor from its binary form: each element of BYTES follows its length as u32, little-endian.
    ///
    /// - Throws: ``OpenInferenceError`` `.invalidArgument`.
    package init(name: String, datatype: Datatype, shape: [Int], raw bytes: [UInt8]) throws(OpenInferenceError) {
        guard datatype == .bytes else {
            try self.init(name: name, datatype: datatype, shape: shape, contents: .elements(bytes))
            return
        }
        let count = try Self.elementCount(shape, name)
        var strings: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard rest.count >= 4, strings.count < count else {
                throw .invalid("input '\(name.beginning())' has more bytes than its \(count) elements of BYTES")
            }
            let length = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            guard length <= rest.count else {
                throw .invalid("input '\(name.beginning())': an element of \(length) bytes, \(rest.count) are left")
            }
            strings.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        try self.init(name: name, datatype: datatype, shape: shape, contents: .byteStrings(strings))
    }
}

extension RequestedOutput {
    fileprivate init(_ object: JSONObject) throws(OpenInferenceError) {
        guard let name = try object.optional("name")?.asString() else { throw .invalid("an output has no name") }
        let parameters = try object.optional("parameters")?.asObject()
        guard try parameters?.optional("shared_memory_region") == nil else {
            throw OpenInferenceError(.unimplemented, "output '\(name.beginning())': shared memory is not offered")
        }
        self.init(
            name: name, isBinary: try parameters?.optional("binary_data")?.asBoolean(),
            classification: try parameters?.optional("classification")?.asInteger())
    }
}

extension JSONObject {
    /// A member that is present and not null: some clients write absent members as null.
    fileprivate func optional(_ key: String) throws(OpenInferenceError) -> JSONText? {
        members[key].flatMap { $0.isNull ? nil : $0 }
    }
}

extension JSONText {
    private func read<Value>(_ body: (JSONText) throws(JSONFault) -> Value) throws(OpenInferenceError) -> Value {
        do throws(JSONFault) { return try body(self) } catch { throw .invalid(error.description) }
    }

    fileprivate func asObject() throws(OpenInferenceError) -> JSONObject {
        try read { (text) throws(JSONFault) in try text.object() }
    }

    fileprivate func asString() throws(OpenInferenceError) -> String {
        try read { (text) throws(JSONFault) in try text.string() }
    }

    fileprivate func asInteger() throws(OpenInferenceError) -> Int {
        try read { (text) throws(JSONFault) in try text.integer() }
    }

    fileprivate func asBoolean() throws(OpenInferenceError) -> Bool {
        try read { (text) throws(JSONFault) in try text.boolean() }
    }

    fileprivate func asArray(atMost count: Int) throws(OpenInferenceError) -> [JSONText] {
        try read { (text) throws(JSONFault) in try text.array(atMost: count) }
    }

    /// The strings of a list, flat or nested.
    fileprivate func asTexts(atMost count: Int) throws(OpenInferenceError) -> [String] {
        var texts: [String] = []
        var level = [self]
        for _ in 0..<InferenceRequest.maximumRank {
            var next: [JSONText] = []
            for list in level {
                guard list.isArray else { throw .invalid("\(name) is no list of strings") }
                guard let elements = try? list.array(atMost: max(count, 1) - next.count) else {
                    throw .invalid("\(name) has more than \(count) elements")
                }
                next += elements
            }
            texts = next.compactMap { try? $0.string() }
            if texts.count == next.count { return texts }
            guard texts.isEmpty else { break }
            level = next
        }
        throw .invalid("\(name) is no list of strings")
    }
}
