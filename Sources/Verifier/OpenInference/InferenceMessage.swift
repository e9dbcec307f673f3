// SPDX-License-Identifier: Apache-2.0
/// An encoded inference request of gRPC.
package enum InferenceMessage {
    /// The memory that the decoded message may take; a byte of some fields becomes many bytes.
    ///
    /// - Parameter message: `inference.ModelInferRequest` as a protocol buffer.
    /// - Returns: Bytes, at least those of the message.
    /// - Throws: ``OpenInferenceError`` `.invalidArgument` for bytes that are no such message, and for more tensors
    ///   than a request may have.
    /// - Source: Open Inference Protocol, `inference_grpc.md`; Protocol Buffers, "Encoding".
    package static func decodedByteCount(of message: [UInt8]) throws(OpenInferenceError) -> Int {
        var count = message.count
        var (inputs, outputs, contents) = (0, 0, 0)
        var fields = FieldReader(message[...])
        while let field = try fields.next() {
            switch field.number {
            case 4: count += field.bytes.count * parameterFactor
            case 5:
                inputs += 1
                count += try inputByteCount(field.bytes)
            case 6:
                outputs += 1
                count += try byteCount(ofParameters: 2, in: field.bytes)
            case 7: contents += 1
            default: break
            }
            guard max(inputs, outputs, contents) <= InferenceRequest.maximumTensors else {
                throw .invalid("more than \(InferenceRequest.maximumTensors) inputs or outputs")
            }
        }
        return count
    }

    /// Decoded bytes for each encoded byte of a map entry, which becomes a table entry with a name and a value.
    private static let parameterFactor = 32
    /// Decoded bytes for each encoded byte of a number: 8 for the widest type.
    private static let numberFactor = 8
    /// Memory for one element of BYTES in addition to its bytes.
    private static let elementByteCount = 160

    private static func inputByteCount(_ input: ArraySlice<UInt8>) throws(OpenInferenceError) -> Int {
        var count = try byteCount(ofParameters: 4, in: input)
        var fields = FieldReader(input)
        while let field = try fields.next() {
            switch field.number {
            case 3: count += field.byteCount * numberFactor
            case 5:
                var contents = FieldReader(field.bytes)
                while let values = try contents.next() {
                    count +=
                        values.number == 8
                        ? values.bytes.count + elementByteCount : values.byteCount * numberFactor
                }
            default: break
            }
        }
        return count
    }

    private static func byteCount(
        ofParameters number: UInt64, in message: ArraySlice<UInt8>
    ) throws(OpenInferenceError) -> Int {
        var count = 0
        var fields = FieldReader(message)
        while let field = try fields.next() {
            if field.number == number { count += field.bytes.count * parameterFactor }
        }
        return count
    }
}

/// The fields of a protocol buffer, one after another.
private struct FieldReader {
    struct Field {
        let number: UInt64
        /// The content of a field with a length; otherwise empty.
        let bytes: ArraySlice<UInt8>
        /// The encoded size of the field's content.
        let byteCount: Int
    }

    private var rest: ArraySlice<UInt8>

    init(_ message: ArraySlice<UInt8>) { rest = message }

    /// - Returns: `nil` at the end.
    mutating func next() throws(OpenInferenceError) -> Field? {
        guard !rest.isEmpty else { return nil }
        let tag = try varint()
        let before = rest.count
        var bytes: ArraySlice<UInt8> = []
        switch tag & 7 {
        case 0: _ = try varint()
        case 1: _ = try take(8)
        case 2: bytes = try take(try varint())
        case 5: _ = try take(4)
        // No message of the protocol has groups.
        default: throw Self.damaged
        }
        return Field(number: tag >> 3, bytes: bytes, byteCount: before - rest.count)
    }

    private mutating func take(_ count: UInt64) throws(OpenInferenceError) -> ArraySlice<UInt8> {
        guard count <= UInt64(rest.count) else { throw Self.damaged }
        defer { rest = rest.dropFirst(Int(count)) }
        return rest.prefix(Int(count))
    }

    private mutating func varint() throws(OpenInferenceError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.popFirst() else { throw Self.damaged }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw Self.damaged
    }

    private static let damaged = OpenInferenceError.invalid("the message is no inference.ModelInferRequest")
}
