// SPDX-License-Identifier: Apache-2.0
import ONNXFormat

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// An ONNX model without the raw data of its large initializers, which are most of a model and which the decoder would
/// copy.
///
/// Only three messages of the file are parsed, `ModelProto.graph`, `GraphProto.initializer` and `TensorProto.raw_data`.
/// Everything else is copied unchanged, for the decoder to check.
///
/// - Source: Protocol Buffers encoding; field numbers of onnx.proto.
struct ModelSkeleton {
    /// Ranges of the raw data of initializers, by their index in the graph.
    private(set) var payloads: [Int: Range<Int>] = [:]
    /// The remaining message.
    let message: Data

    /// Smaller raw data stays in the message.
    private static let leastPayloadBytes = 1024

    private static let graph: UInt64 = 7
    private static let initializer: UInt64 = 5
    private static let rawData: UInt64 = 9

    /// - Throws: ``ONNXImportError`` for content that is no protocol buffer.
    init(_ content: ModelContent) throws(ONNXImportError) {
        var reader = FieldReader(content)
        var initializers = 0
        var payloads: [Int: Range<Int>] = [:]
        var message: [UInt8] = []
        try reader.walk(to: content.byteCount, into: &message) { (field, reader, message) throws(ONNXImportError) in
            guard field.isBytes(Self.graph) else { return try reader.copy(field, into: &message) }
            var graph: [UInt8] = []
            try reader.walk(to: field.end, into: &graph) { (field, reader, graph) throws(ONNXImportError) in
                guard field.isBytes(Self.initializer) else { return try reader.copy(field, into: &graph) }
                var tensor: [UInt8] = []
                var payload: Range<Int>?
                try reader.walk(to: field.end, into: &tensor) { (field, reader, tensor) throws(ONNXImportError) in
                    guard field.isBytes(Self.rawData) else { return try reader.copy(field, into: &tensor) }
                    // If a field is there twice, the last one counts.
                    if field.content.count >= Self.leastPayloadBytes {
                        payload = field.content
                        reader.position = field.end
                    } else {
                        payload = nil
                        try reader.copy(field, into: &tensor)
                    }
                }
                payloads[initializers] = payload
                initializers += 1
                field.write(tensor, to: &graph)
            }
            field.write(graph, to: &message)
        }
        self.payloads = payloads
        self.message = Data(message)
    }
}

/// The position of a field in a message.
private struct Field {
    let number: UInt64
    let kind: UInt64
    /// The start of the tag, and of the length if there is one.
    let start: Int
    /// The range of the content.
    let content: Range<Int>

    var end: Int { content.upperBound }

    static let bytes: UInt64 = 2

    func isBytes(_ number: UInt64) -> Bool { kind == Self.bytes && self.number == number }

    /// Writes the field with other content.
    func write(_ content: [UInt8], to message: inout [UInt8]) {
        for var value in [number << 3 | kind, UInt64(content.count)] {
            while value >= 0x80 {
                message.append(UInt8(truncatingIfNeeded: value) | 0x80)
                value >>= 7
            }
            message.append(UInt8(value))
        }
        message += content
    }
}

/// Reads content sequentially, through a window.
private struct FieldReader {
    private static let windowBytes = 1 << 16

    private let content: ModelContent
    private var window: [UInt8] = []
    private var windowStart = 0
    var position = 0

    init(_ content: ModelContent) { self.content = content }

    /// Passes each field up to `end` to `body`, which leaves the reader after the field.
    mutating func walk(
        to end: Int, into message: inout [UInt8],
        _ body: (Field, inout FieldReader, inout [UInt8]) throws(ONNXImportError) -> Void
    ) throws(ONNXImportError) {
        while position < end {
            let field = try field(before: end)
            try body(field, &self, &message)
        }
    }

    /// The next field; the reader is then at its content.
    private mutating func field(before end: Int) throws(ONNXImportError) -> Field {
        let start = position
        let tag = try varint(before: end)
        let count: UInt64
        switch tag & 7 {
        case 0:
            let first = position
            _ = try varint(before: end)
            count = UInt64(position - first)
            position = first
        case 1: count = 8
        case Field.bytes: count = try varint(before: end)
        case 5: count = 4
        default: throw Self.malformed("a field of an unknown kind")
        }
        guard count <= UInt64(end - position) else { throw Self.malformed("it ends in the middle of a field") }
        return Field(number: tag >> 3, kind: tag & 7, start: start, content: position..<position + Int(count))
    }

    /// Copies a field unchanged.
    mutating func copy(_ field: Field, into message: inout [UInt8]) throws(ONNXImportError) {
        position = field.start
        while position < field.end {
            try fill()
            let first = position - windowStart
            let count = min(field.end - position, window.count - first)
            message += window[first..<first + count]
            position += count
        }
    }

    private mutating func varint(before end: Int) throws(ONNXImportError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard position < end else { throw Self.malformed("it ends in the middle of a field") }
            try fill()
            let byte = window[position - windowStart]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw Self.malformed("a number of more than 64 bits")
    }

    /// Makes sure that the window contains the byte at the position.
    private mutating func fill() throws(ONNXImportError) {
        guard position < windowStart || position >= windowStart + window.count else { return }
        windowStart = position
        let count = min(Self.windowBytes, content.byteCount - position)
        if window.count != count { window = [UInt8](repeating: 0, count: count) }
        let (content, position) = (content, position)
        let failure: ONNXImportError? = window.withUnsafeMutableBytes { buffer in
            do throws(ONNXImportError) {
                try content.read(into: buffer, from: position)
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
    }

    private static func malformed(_ what: String) -> ONNXImportError {
        ONNXImportError(.malformed, "this is not an ONNX model: \(what)")
    }
}
