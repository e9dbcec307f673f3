// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@Suite("Bounded reading")
struct ByteReaderTests {
    @Test("Written values read back")
    func roundTrip() throws {
        var writer = ByteWriter()
        writer.write(UInt8(7))
        writer.write(UInt32(0xDEAD_BEEF))
        writer.write(Int64(-2))
        writer.write(Float(1.5))
        writer.write("naïve")
        writer.write(bytes: [1, 2, 3])
        #expect(Array(writer.bytes[1..<5]) == [0xEF, 0xBE, 0xAD, 0xDE])

        let bytes = writer.bytes
        var reader = ByteReader(bytes.span.bytes)
        let byte = try reader.read(UInt8.self, "byte")
        let word = try reader.read(UInt32.self, "word")
        let long = try reader.read(Int64.self, "long")
        let float = try reader.readFloat("float")
        let text = try reader.readString(maximumBytes: 6, "text")
        let rest = try reader.readBytes(3, "rest")
        try reader.finish()
        #expect((byte, word, long, float, text) == (7, 0xDEAD_BEEF, -2, 1.5, "naïve"))
        #expect(rest == [1, 2, 3])
    }

    @Test("No read passes the end, and a failed read does not move the position", arguments: 0..<8)
    func bounds(_ count: Int) throws {
        let bytes = [UInt8](repeating: 1, count: count)
        var reader = ByteReader(bytes.span.bytes)
        #expect(Self.code { () throws(TensorError) in _ = try reader.read(UInt64.self, "long") } == .malformed)
        #expect(Self.code { () throws(TensorError) in _ = try reader.readBytes(count + 1, "bytes") } == .malformed)
        #expect(Self.code { () throws(TensorError) in _ = try reader.readBytes(-1, "bytes") } == .malformed)
        #expect(Self.code { () throws(TensorError) in _ = try reader.readBytes(Int.max, "bytes") } == .malformed)
        #expect(reader.offset == 0)
        #expect(reader.remaining == count)
        _ = try reader.readBytes(count, "bytes")
        try reader.finish()
    }

    @Test("A string that exceeds its limit or the end, or is not UTF-8, is refused")
    func strings() {
        let cases: [([UInt8], Int)] = [
            ([3, 0, 0, 0, 0x61, 0x62, 0x63], 2), ([0xFF, 0xFF, 0xFF, 0xFF, 0x61], Int.max),
            ([2, 0, 0, 0, 0xC3, 0x28], 9), ([1, 0, 0], 9),
        ]
        for (bytes, limit) in cases {
            var reader = ByteReader(bytes.span.bytes)
            #expect(
                Self.code { () throws(TensorError) in _ = try reader.readString(maximumBytes: limit, "text") }
                    == .malformed)
        }
    }

    @Test("Trailing bytes are refused")
    func trailing() throws {
        let bytes: [UInt8] = [1, 2]
        var reader = ByteReader(bytes.span.bytes)
        _ = try reader.read(UInt8.self, "byte")
        #expect(throws: TensorError.self) { try Self.finish([1, 2]) }
        #expect(reader.remaining == 1)
    }

    private static func finish(_ bytes: [UInt8]) throws(TensorError) {
        let reader = ByteReader(bytes.span.bytes)
        try reader.finish()
    }

    private static func code(_ body: () throws(TensorError) -> Void) -> TensorError.Code? {
        do { try body() } catch { return error.code }
        return nil
    }
}
