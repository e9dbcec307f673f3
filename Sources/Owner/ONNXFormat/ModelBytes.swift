// SPDX-License-Identifier: Apache-2.0
package import SwiftProtobuf

#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif

/// Bytes that are not a valid protocol buffer, or a message that cannot be encoded.
package struct ONNXFormatError: Error, Sendable {
    package let message: String
}

/// A message type that is a file of its own.
package protocol ONNXFileMessage: SwiftProtobuf.Message {}
extension ONNXModelProto: ONNXFileMessage {}
extension ONNXTensorProto: ONNXFileMessage {}

/// Limit of the size of one protocol buffer, in bytes.
package let maximumProtobufBytes = Int(Int32.max)

extension ONNXFileMessage {
    /// Decodes a message. Fields that `onnx.proto` does not declare are dropped; nesting is bounded.
    package init(parsing bytes: Data) throws(ONNXFormatError) {
        guard bytes.count <= maximumProtobufBytes else {
            throw ONNXFormatError(message: "\(bytes.count) bytes are over the limit of \(maximumProtobufBytes)")
        }
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = 16
        options.discardUnknownFields = true
        do {
            try self.init(serializedBytes: bytes, options: options)
        } catch let error as BinaryDecodingError {
            throw ONNXFormatError(message: error.reason)
        } catch {
            throw ONNXFormatError(message: "it does not decode")
        }
    }

    /// The message's bytes, the same for equal messages.
    package func fileBytes() throws(ONNXFormatError) -> Data {
        do { return try serializedBytes() } catch {
            throw ONNXFormatError(message: "the message does not fit a protocol buffer of 2 GB")
        }
    }
}

extension BinaryDecodingError {
    fileprivate var reason: String {
        switch self {
        case .truncated: "it ends in the middle of a field"
        case .invalidUTF8: "a text field is not UTF-8"
        case .messageDepthLimit: "it nests too deeply"
        default: "it is no protocol buffer of this kind"
        }
    }
}

extension ONNXTensorProto {
    /// The name of an element type in messages.
    package static func name(ofDataType code: Int32) -> String {
        guard let type = DataType(rawValue: Int(code)) else { return "type \(code)" }
        return switch type {
        case .undefined: "no type"
        case .float: "float32"
        case .uint8: "uint8"
        case .int8: "int8"
        case .uint16: "uint16"
        case .int16: "int16"
        case .int32: "int32"
        case .int64: "int64"
        case .string: "string"
        case .bool: "bool"
        case .float16: "float16"
        case .double: "float64"
        case .uint32: "uint32"
        case .uint64: "uint64"
        case .complex64: "complex64"
        case .complex128: "complex128"
        case .bfloat16: "bfloat16"
        case .uint4: "uint4"
        case .int4: "int4"
        }
    }
}
