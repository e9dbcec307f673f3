// SPDX-License-Identifier: Apache-2.0
/// A client's inference request.
package struct InferenceRequest: Sendable {
    /// The most inputs, and the most outputs, that a request may name.
    package static let maximumTensors = 16
    package static let maximumRank = 8
    package static let maximumIdentifierBytes = 1024

    /// Repeated in the answer.
    package let identifier: String?
    package let inputs: [InferenceInput]
    /// The wanted outputs; empty for all outputs of the model.
    package let outputs: [RequestedOutput]
    /// Whether outputs are wanted as binary data by default.
    package let wantsBinaryOutputs: Bool

    package init(
        identifier: String? = nil, inputs: [InferenceInput], outputs: [RequestedOutput] = [],
        wantsBinaryOutputs: Bool = false
    ) {
        self.identifier = identifier
        self.inputs = inputs
        self.outputs = outputs
        self.wantsBinaryOutputs = wantsBinaryOutputs
    }
}

/// A tensor that a client sends.
package struct InferenceInput: Sendable, Hashable {
    package enum Contents: Sendable, Hashable {
        /// Little-endian elements, row-major: the number of bytes matches shape and datatype.
        case elements([UInt8])
        /// Elements of ``Datatype/bytes``; their number matches the shape.
        case byteStrings([[UInt8]])
        /// The same from JSON, which has text instead of bytes.
        case texts([String])
    }

    package let name: String
    package let datatype: Datatype
    package let shape: [Int]
    package let contents: Contents

    /// - Throws: ``OpenInferenceError`` when shape, datatype and contents do not fit each other.
    package init(
        name: String, datatype: Datatype, shape: [Int], contents: Contents
    ) throws(OpenInferenceError) {
        let count = try Self.elementCount(shape, name)
        let (found, what) =
            switch contents {
            case .elements(let bytes): (bytes.count, "bytes")
            case .byteStrings(let strings): (strings.count, "elements")
            case .texts(let texts): (texts.count, "elements")
            }
        let expected: Int
        if case .elements = contents {
            guard let byteCount = datatype.byteCount else {
                throw .invalid("input '\(name.beginning())': BYTES has elements of its own lengths")
            }
            expected = count * byteCount
        } else {
            guard datatype == .bytes else {
                throw .invalid("input '\(name.beginning())': text in a tensor of \(datatype.rawValue)")
            }
            expected = count
        }
        guard found == expected else {
            throw .invalid(
                "input '\(name.beginning())': shape \(shape) of \(datatype.rawValue) has \(expected) \(what), found \(found)"
            )
        }
        self.name = name
        self.datatype = datatype
        self.shape = shape
        self.contents = contents
    }

    /// The largest number of elements of a tensor: none is longer than a message.
    private static let maximumElements = 1 << 28

    static func elementCount(_ shape: [Int], _ name: String) throws(OpenInferenceError) -> Int {
        guard shape.count <= InferenceRequest.maximumRank else {
            throw .invalid(
                "input '\(name.beginning())': a shape of rank \(shape.count), the limit is \(InferenceRequest.maximumRank)"
            )
        }
        var count = 1
        for extent in shape {
            guard extent >= 0 else {
                throw .invalid("input '\(name.beginning())': the shape \(shape) has a negative extent")
            }
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard !overflow, product <= maximumElements else {
                throw .invalid("input '\(name.beginning())': the shape \(shape) has over \(maximumElements) elements")
            }
            count = product
        }
        return count
    }
}

/// An output that a client asks for.
package struct RequestedOutput: Sendable, Hashable {
    package let name: String
    /// `nil` if the setting of the request applies.
    package let isBinary: Bool?
    /// The number of classes wanted instead of the tensor (Triton's classification extension).
    package let classification: Int?

    package init(name: String, isBinary: Bool? = nil, classification: Int? = nil) {
        self.name = name
        self.isBinary = isBinary
        self.classification = classification
    }
}
