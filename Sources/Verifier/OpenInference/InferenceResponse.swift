// SPDX-License-Identifier: Apache-2.0
/// A model's answer.
package struct InferenceResponse: Sendable {
    package let model: String
    package let version: String
    package let identifier: String?
    package let outputs: [InferenceOutput]

    package init(model: String, version: String, identifier: String?, outputs: [InferenceOutput]) {
        self.model = model
        self.version = version
        self.identifier = identifier
        self.outputs = outputs
    }
}

/// A tensor of an answer.
package struct InferenceOutput: Sendable, Hashable {
    package enum Values: Sendable, Hashable {
        case int64([Int64])
        case fp32([Float])
        case texts([String])

        package var datatype: Datatype {
            switch self {
            case .int64: .int64
            case .fp32: .fp32
            case .texts: .bytes
            }
        }
    }

    package let name: String
    package let shape: [Int]
    package let values: Values
    package let isBinary: Bool

    package init(name: String, shape: [Int], values: Values, isBinary: Bool) {
        self.name = name
        self.shape = shape
        self.values = values
        self.isBinary = isBinary
    }

    /// The binary form: little-endian elements; each element of BYTES follows its length as u32.
    package var raw: [UInt8] {
        var bytes: [UInt8] = []
        switch values {
        case .int64(let values): for value in values { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
        case .fp32(let values):
            for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 } }
        case .texts(let texts):
            for text in texts {
                withUnsafeBytes(of: UInt32(truncatingIfNeeded: text.utf8.count).littleEndian) { bytes += $0 }
                bytes += text.utf8
            }
        }
        return bytes
    }
}
