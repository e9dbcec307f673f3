// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors
import Testing

@Suite("Storage of constants in files")
struct ConstantStorageTests {
    /// A graph that passes its only constant, of float32 with these bits, through.
    private static func graph(_ bits: [UInt32]) throws -> Graph {
        let tensor = Tensor(type: TensorType(.float32, try Shape([bits.count]))) { target in
            for (index, bits) in bits.enumerated() {
                target.storeBytes(of: bits, toByteOffset: index * 4, as: UInt32.self)
            }
        }
        return try Graph(
            name: "g", inputs: [], outputs: ["y"],
            nodes: [Node(name: "n", operation: .identity(Identity()), inputs: ["w"], outputs: ["y"])],
            constants: ["w": tensor])
    }

    private static func bits(of graph: Graph) -> [UInt32] {
        graph.constants["w"]?.withElements(as: UInt32.self) { Array($0) } ?? []
    }

    /// Bytes of the elements in the file, which has no other part that depends on them.
    private static func storedBytes(_ bits: [UInt32]) throws -> Int {
        GraphFile.encode(try graph(bits)).count - GraphFile.encode(try graph([])).count
    }

    private static func error(of bytes: [UInt8]) -> GraphError? {
        do throws(GraphError) {
            _ = try GraphFile.decode(bytes.span.bytes)
            return nil
        } catch { return error }
    }

    /// Every bfloat16, NaN and infinities included.
    private static let brainFloats = (0..<UInt32(1 << 16)).map { $0 << 16 }
    /// Every finite float16.
    private static let halves = (0..<UInt16.max).map { Float16(bitPattern: $0) }.filter(\.isFinite)
        .map { Float($0).bitPattern }

    @Test("Values that bfloat16 or float16 represents exactly are stored in two bytes, bit-identically")
    func halfTheBytes() throws {
        // 1 + 2^-9 is a float16 and no bfloat16, 2^100 the reverse.
        for bits in [Self.brainFloats, Self.halves, [0x3F80_4000], [0x3F80_4000, 0x8000_0000, 0x3380_0000]] {
            #expect(try Self.storedBytes(bits) == bits.count * 2)
            let bytes = GraphFile.encode(try Self.graph(bits))
            let decoded = try GraphFile.decode(bytes.span.bytes)
            #expect(Self.bits(of: decoded) == bits)
            #expect(GraphFile.encode(decoded) == bytes)
        }
    }

    @Test(
        "If neither type represents a value exactly, all values are stored in four bytes",
        arguments: [
            // 1 + 2^-23; half of the least float16; 2^16, a bfloat16, beside a float16; a float16's infinity; NaN with
            // a payload; a subnormal float16 with one bit too many.
            [0x3F80_0001], [0x3300_0000, 0x3F80_4000], [0x4780_0000, 0x3F80_4000], [0x7F80_0000, 0x3F80_4000],
            [0x7FC0_2000], [0x3380_2000],
        ] as [[UInt32]])
    func allTheBytes(_ bits: [UInt32]) throws {
        #expect(try Self.storedBytes(bits) == bits.count * 4)
        let bytes = GraphFile.encode(try Self.graph(bits))
        #expect(Self.bits(of: try GraphFile.decode(bytes.span.bytes)) == bits)
    }

    @Test("Constants of other types are stored as they are")
    func otherTypes() throws {
        let graph = try Graph(
            name: "g", inputs: [], outputs: ["y"],
            nodes: [Node(name: "n", operation: .identity(Identity()), inputs: ["w"], outputs: ["y"])],
            constants: ["w": try Tensor([Int64(0), 0], shape: [2])])
        #expect(GraphFile.encode(graph).count - GraphFile.encode(try Self.graph([])).count == 16)
    }

    @Test("Constants in a wider type than necessary, of an unknown type or truncated are refused")
    func refused() throws {
        /// The file with another code for the type of the constant's elements, and these bytes for its elements.
        func altered(_ count: Int, code: UInt8, _ elements: [UInt8]) throws -> GraphError? {
            let file = GraphFile.encode(try Self.graph([UInt32](repeating: 0x3F80_0001, count: count)))
            // Name and code of the constant, which rank, one extent and the elements follow.
            let record: [UInt8] = [1, 0, 0, 0, UInt8(ascii: "w"), 1]
            let start = try #require(
                (0..<file.count - record.count).first { file[$0..<$0 + record.count].elementsEqual(record) })
            let head = start + record.count
            var bytes = Array(file[..<(head - 1)]) + [code]
            bytes += file[head..<head + 9]
            bytes += elements
            bytes += file[(head + 9 + 4 * count)...]
            return Self.error(of: bytes)
        }
        func check(_ count: Int, _ code: UInt8, _ elements: [UInt8]) throws {
            let error = try altered(count, code: code, elements)
            #expect(error?.code == .malformedFile && error?.message.contains("narrowest") == true, "\(elements)")
        }
        #expect(try altered(1, code: 8, [1, 0x3C]) == nil)
        // f32 1 and 1 + 2^-9, which two bytes hold; float16 1, which bfloat16 holds; NaN and infinity in float16.
        try check(1, 1, [0, 0, 0x80, 0x3F])
        try check(1, 1, [0, 0x40, 0x80, 0x3F])
        try check(1, 8, [0, 0x3C])
        try check(2, 8, [1, 0x3C, 1, 0x7E])
        try check(2, 8, [1, 0x3C, 0, 0x7C])
        try check(0, 7, [])
        try check(0, 8, [])
        #expect(try altered(1, code: 9, [0, 0, 0, 0])?.message.contains("element type 9") == true)
        #expect(try altered(1, code: 0, [0, 0, 0, 0])?.message.contains("element type 0") == true)
        // A constant at the end of the bytes that are left.
        let file = GraphFile.encode(try Self.graph(Self.brainFloats))
        for count in [file.count - 60, file.count / 2] {
            #expect(Self.error(of: Array(file[..<count]))?.code == .malformedFile)
        }
    }

    @Test("An input with a storage type is refused, since only constants have one", arguments: [UInt8(7), 8])
    func inputs(_ code: UInt8) throws {
        var bytes = GraphFile.encode(try residualGraph())
        let place = try #require(
            (0..<bytes.count - 5).first { bytes[$0..<$0 + 5].elementsEqual(Array("image".utf8)) })
        #expect(bytes[place + 5] == 1)
        bytes[place + 5] = code
        #expect(Self.error(of: bytes)?.message.contains("element type \(code)") == true)
    }
}
