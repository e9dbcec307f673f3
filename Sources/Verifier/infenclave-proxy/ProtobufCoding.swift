// SPDX-License-Identifier: Apache-2.0
import GRPCCore
import SwiftProtobuf

/// A received message, which is decoded only when there is room for the decoded form.
struct EncodedMessage: MessageDeserializer {
    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) -> [UInt8] { bytes.withUnsafeBytes { Array($0) } }
}

enum ProtobufCoding {
    static func decode<Value: SwiftProtobuf.Message>(_ bytes: [UInt8]) throws -> Value {
        do { return try Value(serializedBytes: bytes) } catch {
            throw RPCError(code: .invalidArgument, message: "the message is no \(Value.protoMessageName)")
        }
    }
}

struct ProtobufSerializer<Value: SwiftProtobuf.Message>: MessageSerializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: Value) throws -> Bytes {
        let bytes: [UInt8] = try message.serializedBytes()
        return Bytes(bytes)
    }
}
