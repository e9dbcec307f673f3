// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import ONNXFormat
import ONNXImport
import Tensors
import Testing

/// Initializers whose raw data the decoder never sees: it is read to where it stays.
@Suite("Large initialisers")
struct LargeInitializerTests {
    private let values = (0..<1024).map { Float($0) * 0.5 - 100 }

    private func bytes(_ values: [some BitwiseCopyable]) -> Data { values.withUnsafeBytes { Data($0) } }

    /// `y = x + w`, and a second initializer behind the large one that must keep its place.
    private func model(_ type: ONNXTensorProto.DataType, _ raw: Data, dimensions: [Int64] = [1, 1024]) -> ONNXModelProto
    {
        var weights = ONNXTensorProto.make("w", dimensions, type)
        weights.rawData = raw
        return .make(
            inputs: [("x", [1, 1024])],
            nodes: [
                .make("Cast", ["w"], ["c"], ["to": .integer(1)]), .make("Add", ["x", "c"], ["s"]),
                .make("Mul", ["s", "v"], ["y"]),
            ],
            initializers: [.floats("unused", [1], [1]), weights, .floats("v", [3], [1])])
    }

    private func weights(_ model: ONNXModel) throws -> [Float] {
        let constant = try #require(model.graph.constants.values.first { $0.shape.elementCount == 1024 })
        return try constant.floats()
    }

    @Test("Every element type is read as by the general decoder, from memory and from a file")
    func types() throws {
        let halves = values.map { Float16($0) }
        let cases: [(ONNXTensorProto.DataType, Data, [Float])] = [
            (.float, bytes(values), values), (.float16, bytes(halves), halves.map(Float.init)),
            (.double, bytes(values.map(Double.init)), values),
            (.int64, bytes((0..<1024).map(Int64.init)), (0..<1024).map(Float.init)),
            (.uint8, bytes((0..<1024).map { UInt8(truncatingIfNeeded: $0) }), (0..<1024).map { Float($0 % 256) }),
            (.bool, bytes((0..<1024).map { UInt8($0 % 3) }), (0..<1024).map { $0 % 3 == 0 ? 0 : 1 }),
        ]
        let file = FileManager.default.temporaryDirectory.appending(path: "infenclave-large-\(UUID().uuidString).onnx")
        defer { try? FileManager.default.removeItem(at: file) }
        for (type, raw, expected) in cases {
            let proto = model(type, raw)
            #expect(try weights(proto.load()) == expected, "\(type)")
            try proto.fileBytes().write(to: file)
            #expect(try weights(ONNXModel.load(path: file.path)) == expected, "\(type)")
        }
    }

    @Test("Of duplicate raw data the last counts, and a message in two parts is merged")
    func repeated() throws {
        let other = values.map { $0 + 1 }
        var weights = ONNXTensorProto.make("w", [1, 1024], .float)
        weights.rawData = bytes(values)
        // Protocol buffers: fields of a message may be repeated, and messages themselves, whose fields are then merged.
        var last = ONNXTensorProto()
        last.rawData = bytes(other)
        let whole = try weights.fileBytes() + last.fileBytes()
        var proto = model(.float, bytes(values))
        proto.graph.initializer.removeAll { $0.name == "w" }
        func field(_ number: UInt8, _ content: Data) -> Data {
            var (length, count) = (Data(), content.count)
            while count >= 0x80 {
                length.append(UInt8(count & 0x7F) | 0x80)
                count >>= 7
            }
            return Data([number << 3 | 2]) + length + [UInt8(count)] + content
        }
        let file = try proto.fileBytes() + field(7, field(5, whole))
        #expect(try self.weights(ONNXModel(bytes: file)) == other)
    }

    @Test("Raw data of another size than the shape, truncated, or of an unknown type is refused")
    func malformed() throws {
        for (raw, dimensions) in [
            (bytes(values) + [0], [1, 1024]), (bytes(values), [1, 1023]), (bytes(values), [1 << 30, 1 << 3]),
        ] as [(Data, [Int64])] {
            let error = #expect(throws: ONNXImportError.self) { try model(.float, raw, dimensions: dimensions).load() }
            #expect(error?.code == .malformed)
            #expect(error?.message.contains("constant 'w'") == true)
        }
        let file = try model(.float, bytes(values)).fileBytes()
        for count in stride(from: 0, to: file.count - 1, by: 97) {
            #expect(throws: ONNXImportError.self) { try ONNXModel(bytes: file.prefix(count)) }
        }
        #expect(throws: ONNXImportError.self) { try ONNXModel(bytes: file + [0x0B]) }
        #expect(throws: ONNXImportError.self) {
            try ONNXModel(bytes: file + [UInt8](repeating: 0xFF, count: 11))
        }
        #expect(throws: ONNXImportError.self) {
            try ONNXModel(bytes: Data([0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]))
        }
    }
}
