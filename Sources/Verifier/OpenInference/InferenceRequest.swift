// SPDX-License-Identifier: Apache-2.0
/// A client's inference request.
package struct InferenceRequest: Sendable {
    /// The most inputs, and the most outputs, that a request may name.
    package static let maximumTensors = 16
    package static let maximumRank = 8
    package static let maximumIdentifierBytes = 1024

    /// Given back with the answer.
    package let identifier: String?
    package let inputs: [InferenceInput]
    /// All outputs of the model when there are none.
    package let outputs: [RequestedOutput]
    /// Whether outputs that do not say otherwise are wanted as binary data.
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
        /// Little-endian elements, row-major: as many bytes as shape and datatype say.
        case elements([UInt8])
        /// Elements of ``Datatype/bytes``: as many as the shape says.
        case byteStrings([[UInt8]])
        /// The same from JSON, which has no bytes but text.
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
    /// `nil` where the request's own word counts.
    package let isBinary: Bool?
    /// How many classes of Triton's classification extension are wanted in place of the tensor.
    package let classification: Int?

    package init(name: String, isBinary: Bool? = nil, classification: Int? = nil) {
        self.name = name
        self.isBinary = isBinary
        self.classification = classification
    }
}
