// SPDX-License-Identifier: Apache-2.0
import GRPCCore
import SwiftProtobuf

struct ProtobufDeserializer<Value: SwiftProtobuf.Message>: MessageDeserializer {
    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> Value {
        do { return try bytes.withUnsafeBytes { try Value(serializedBytes: Array($0)) } } catch {
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
