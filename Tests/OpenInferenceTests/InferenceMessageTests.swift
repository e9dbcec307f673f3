// SPDX-License-Identifier: Apache-2.0
import OpenInference
import Testing

@Suite("Memory of decoded gRPC messages")
struct InferenceMessageTests {
    private func varint(_ value: Int) -> [UInt8] {
        var (rest, bytes) = (value, [UInt8]())
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private func field(_ number: Int, _ content: [UInt8]) -> [UInt8] {
        varint(number << 3 | 2) + varint(content.count) + content
    }

    private func input(_ contents: [UInt8]) -> [UInt8] { field(5, field(1, [0x78]) + field(5, contents)) }

    private func count(_ message: [UInt8]) throws -> Int { try InferenceMessage.decodedByteCount(of: message) }

    @Test("Raw contents count with their size, and numbers with their widest decoded type")
    func numbers() throws {
        let raw = field(5, field(1, [0x78])) + field(7, [UInt8](repeating: 0, count: 100_000))
        #expect(try count(raw) == raw.count)
        // UINT8, FP32 and INT64 as contents, each in one field.
        for number in [3, 4, 6] {
            let typed = input(field(number, [UInt8](repeating: 1, count: 10_000)))
            #expect(try (80_000...100_000).contains(count(typed)))
        }
        // The same numbers in a field each.
        let apart = input([UInt8]((0..<10_000).flatMap { _ in [4 << 3, 1] as [UInt8] }))
        #expect(try count(apart) >= 80_000)
        #expect(try count(field(5, field(3, [UInt8](repeating: 1, count: 1000)))) >= 8000)
    }

    @Test("Many small elements and parameters count with the size of their containers")
    func small() throws {
        let elements = input((0..<1000).flatMap { _ in field(8, []) })
        #expect(try count(elements) >= 100_000)
        let picture = input(field(8, [UInt8](repeating: 0, count: 100_000)))
        #expect(try (200_000...210_000).contains(count(picture)))
        let entry = field(1, Array("p".utf8)) + field(2, [8, 1])
        for message in [field(4, entry), field(5, field(4, entry)), field(6, field(2, entry))] {
            #expect(try count(message) >= message.count + 32 * entry.count)
        }
    }

    @Test("More tensors than the limit are refused before decoding")
    func tensors() throws {
        for number in [5, 6, 7] {
            #expect(throws: Never.self) { try count((0..<16).flatMap { _ in field(number, []) }) }
            let error = #expect(throws: OpenInferenceError.self) {
                try count((0..<17).flatMap { _ in field(number, []) })
            }
            #expect(error?.code == .invalidArgument && error?.message.contains("more than 16") == true)
        }
    }

    @Test(
        "An invalid message is refused",
        arguments: [
            [0x0A], [0x0A, 2, 1], [0x80], [0x08], [0x09, 1, 2, 3], [0x0D, 1], [0x0B], [0x0F], [0x2A, 1, 0x0A],
            [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
            [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
        ] as [[UInt8]])
    func damaged(_ message: [UInt8]) throws {
        let error = #expect(throws: OpenInferenceError.self) { try count(message) }
        #expect(error?.code == .invalidArgument)
        #expect(try count([]) == 0)
    }
}
